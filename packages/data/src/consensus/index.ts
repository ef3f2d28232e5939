export type { ConsensusReason } from './rule.ts';
export { readJudge, readVotes, type JudgeReading, type JudgeVote, type NoVerdict } from './judge-reading.ts';
export {
  RULE_NAMES,
  relabel,
  relabelTrace,
  resolveRule,
  type RelabelOptions,
  type ResolvedRule,
  type RuleName,
} from './relabel.ts';
