export type { ConsensusReason } from './rule.ts';
export { RULE_NAMES, relabel, relabelTrace, resolveRule, type ResolvedRule, type RuleName } from './relabel.ts';
