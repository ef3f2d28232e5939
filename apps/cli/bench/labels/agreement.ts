import { bootstrapTotals } from '@vlprm/core/statistics';
import { stepIsWrong, type Reading, type ReadTrace } from './reading.ts';
import type { Measured } from './schema.ts';

/** Two readings of one trace. */
export interface ReadingPair {
  readonly trace: ReadTrace;
  readonly a: Reading;
  readonly b: Reading;
}

function shareOf(rows: readonly (readonly [number, number])[], groups: readonly string[], seed: number): Measured {
  if (rows.length === 0) return { value: null, ci95: null, n: 0 };
  const n = rows.reduce((sum, [, all]) => sum + all, 0);
  const share = bootstrapTotals(rows, groups, (totals) => totals[0]! / totals[1]!, { seed });
  return { value: share.value, ci95: [share.low, share.high], n };
}

/** Share of steps that two readings call the same: right, wrong (from the first error on), or of a dropped trace. */
export function labelAgreement(pairs: readonly ReadingPair[], seed: number): Measured {
  const rows = pairs.map(({ trace, a, b }): [number, number] => {
    const same = trace.kinds.filter((_, step) => stepIsWrong(a, step) === stepIsWrong(b, step)).length;
    return [same, trace.kinds.length];
  });
  return shareOf(
    rows,
    pairs.map(({ trace }) => trace.group),
    seed,
  );
}

/** Share of traces with a wrong answer in which two readings name the same first error. */
export function firstErrorAgreement(pairs: readonly ReadingPair[], seed: number): Measured {
  const wrong = pairs.filter(({ trace }) => trace.wrongAnswer);
  return shareOf(
    wrong.map(({ a, b }): [number, number] => [Number(a.kept === b.kept && a.firstError === b.firstError), 1]),
    wrong.map(({ trace }) => trace.group),
    seed,
  );
}
