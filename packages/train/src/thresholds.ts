export interface ErrorThreshold {
  /** In [0, 1]; a step is called wrong when p < value. */
  readonly value: number;
  /** F1 of the wrong steps that the probabilities promise there. */
  readonly expectedF1: number;
}

/**
 * The threshold with the best F1 of wrong steps by the calibrated probabilities p themselves: with the steps below it
 * called wrong, 2 sum(1 - p over the called) / (called + sum(1 - p over all)). At the best one, a step is called wrong
 * when 1 - p exceeds half that F1 (Lipton, Elkan and Narayanaswamy 2014, arXiv 1402.1892, theorem 1).
 *
 * Counting labels instead would put the chance of single labels into the threshold: around the best one the F1 is flat,
 * and a few dozen labels decide where its peak falls. The value lies half-way between two neighbouring probabilities.
 * Null when no step can be wrong.
 */
export function expectedF1Threshold(probabilities: ArrayLike<number>): ErrorThreshold | null {
  const sorted = Float64Array.from(probabilities).sort();
  const errors = sorted.reduce((sum, p) => sum + (1 - p), 0);
  if (errors === 0) return null;
  let best: ErrorThreshold | null = null;
  let hits = 0;
  sorted.forEach((p, place) => {
    hits += 1 - p;
    const next = sorted[place + 1] ?? 1;
    const expectedF1 = (2 * hits) / (place + 1 + errors);
    if (next > p && expectedF1 > (best?.expectedF1 ?? 0)) best = { value: (p + next) / 2, expectedF1 };
  });
  return best;
}

/**
 * The largest threshold of these below which at most `rate` of the clean traces have their lowest perception score.
 * `lowest` holds one score a trace. Null without traces.
 */
export function falseAlarmThreshold(lowest: readonly number[], rate: number): number | null {
  const sorted = [...lowest].sort((a, b) => a - b);
  const firstTooMany = sorted.findIndex((_, place) => (place + 1) / sorted.length > rate);
  return sorted[firstTooMany] ?? null;
}
