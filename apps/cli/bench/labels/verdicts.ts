import { decimal, percent } from '../../src/report/format-number.ts';
import type { Agreement, LabelsResult, Verdict } from './schema.ts';

/** How much less an estimator may agree with an exhaustive run than a second exhaustive run does. */
const MARGIN = 0.01;

interface Target {
  readonly evidence: string;
  readonly world: RegExp;
  readonly rules: readonly string[];
  /** Most rollouts, as a share of the exhaustive run's. */
  readonly share: number;
}

const TARGETS: readonly Target[] = [
  { evidence: 'adaptive', world: /^puzzles/, rules: ['mc0', 'hybrid'], share: 1 / 3 },
  { evidence: 'binary', world: /^puzzles/, rules: ['mc0'], share: 1 / 2 },
  { evidence: 'binary', world: /^chains/, rules: ['mc0'], share: 1 / 4 },
];

function agreementVerdict(
  { world, what, evidence, rule, agreement, repeated, share }: Agreement,
  most: number,
): Verdict {
  const close = agreement.value !== null && repeated.value !== null && agreement.value >= repeated.value - MARGIN;
  const shares = `${percent(share)} of the rollouts`;
  return {
    claim: `${evidence} on ${world}, ${what} (${rule}): within ${MARGIN} of a second exhaustive run, at ${percent(most, 0)} of the rollouts or less`,
    holds: close && share <= most,
    measured: `${decimal(agreement.value)} against ${decimal(repeated.value)}, ${shares}`,
  };
}

/** The targets of the estimators and of `posterior`, and whether they are reached. */
export function labelVerdicts(
  agreement: readonly Agreement[],
  { comparisons, wins }: LabelsResult['posterior'],
): Verdict[] {
  const reached = TARGETS.flatMap(({ evidence, world, rules, share }) =>
    agreement
      .filter((row) => row.evidence === evidence && world.test(row.world) && rules.includes(row.rule))
      .map((row) => agreementVerdict(row, share)),
  );
  const won = comparisons.filter((comparison) => comparison.wins).map(({ rule }) => rule);
  const against = comparisons.map(({ rule }) => rule).join(', ');
  return [
    ...reached,
    {
      claim: `posterior beats ${against} in step accuracy and Brier score at equal coverage`,
      holds: wins,
      measured: won.length === 0 ? 'it beats none of them' : `it beats ${won.join(', ')}`,
    },
  ];
}
