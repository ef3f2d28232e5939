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
export { pickAudits, type AuditPick } from './audit-picking.ts';
export {
  disagreements,
  type DisagreementOptions,
  type Disagreements,
  type ErrorKind,
  type PatternCounts,
} from './disagreements.ts';
export { PATTERN_NAMES, type PatternName } from './evidence-pattern.ts';
export { ERROR_RATES_SCHEMA, errorRatesSchema, type ErrorRates } from './error-rates.ts';
export { fitErrorRates, type ErrorRateOptions } from './fit-error-rates.ts';
export { stepPosteriors } from './posterior-rule.ts';
