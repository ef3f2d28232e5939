import type { EstimatorName } from '@vlprm/data/synthesis';

/** One way to gather evidence for the same traces. */
export interface EvidencePlan {
  readonly name: string;
  readonly estimator: EstimatorName;
  readonly rolloutsPerStep: number;
  readonly rolloutsPerProblem: number | null;
  /** The rule whose threshold the estimator goes by, and the rules that label what it found. */
  readonly threshold: number;
  readonly rules: readonly BenchRule[];
  /** Which draws of the policy continue a prefix; equal streams share rollouts. */
  readonly stream: 'a' | 'b';
}

/** Every rule. `posterior` learns its error rates from the audited traces. */
export const BENCH_RULES = ['mc0', 'mc50', 'judge', 'union', 'hybrid', 'agreement', 'posterior'] as const;
/** The posterior without what a problem's other solutions say of a step: only steps that repeat word for word have such. */
export const WITHOUT_SIBLINGS = 'posterior without siblings';
export type BenchRule = (typeof BENCH_RULES)[number] | typeof WITHOUT_SIBLINGS;
export type PosteriorRule = 'posterior' | typeof WITHOUT_SIBLINGS;

/** Rollouts per step that everything is compared with: those of the paper. */
export const FULL = 16;

const DEAD: readonly BenchRule[] = ['mc0', 'union', 'hybrid', 'agreement', 'posterior'];
const EVERY: readonly BenchRule[] = ['mc0', 'mc50', 'judge', 'union', 'hybrid', 'agreement', 'posterior'];

const exhaustive = (rollouts: number, rules: readonly BenchRule[], stream: 'a' | 'b' = 'a'): EvidencePlan => ({
  name: `exhaustive-${rollouts}${stream === 'a' ? '' : ' again'}`,
  estimator: 'exhaustive',
  rolloutsPerStep: rollouts,
  rolloutsPerProblem: null,
  threshold: 0,
  rules,
  stream,
});

const sparing = (
  name: string,
  estimator: EstimatorName,
  fields: Partial<EvidencePlan> & Pick<EvidencePlan, 'rules'>,
): EvidencePlan => ({
  name,
  estimator,
  rolloutsPerStep: FULL,
  rolloutsPerProblem: null,
  threshold: 0,
  stream: 'b',
  ...fields,
});

/** What the sparing estimators are compared with, and the same once more with other draws. */
export const REFERENCE = exhaustive(FULL, [...EVERY, WITHOUT_SIBLINGS]);
export const REPEATED = exhaustive(FULL, ['mc0', 'mc50', 'hybrid'], 'b');

/** By the names of the results. The sparing estimators never see the draws of the reference. */
export const ADAPTIVE = sparing('adaptive', 'adaptive', { rules: DEAD });
export const ADAPTIVE_50 = sparing('adaptive (mc50)', 'adaptive', { rules: ['mc50'], threshold: 0.5 });
export const BINARY = sparing('binary', 'binary', { rules: DEAD });
const tree = (budget: number): EvidencePlan =>
  sparing(`tree-${budget}`, 'tree', { rules: [...DEAD, 'mc50'], rolloutsPerProblem: budget });

/** Everything that is measured on puzzles. */
export const EVIDENCE: readonly EvidencePlan[] = [
  REFERENCE,
  REPEATED,
  ...[1, 2, 4, 8].map((rollouts) => exhaustive(rollouts, [...DEAD, 'mc50'])),
  ADAPTIVE,
  ADAPTIVE_50,
  BINARY,
  ...[16, 32, 64, 128].map(tree),
];

/** What is measured on simulated chains: agreement alone. */
export const CHAIN_EVIDENCE: readonly EvidencePlan[] = [REFERENCE, REPEATED, ADAPTIVE, BINARY].map((plan) => ({
  ...plan,
  rules: ['mc0'],
}));
