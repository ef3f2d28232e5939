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
 * The largest threshold below which at most `rate` of the clean traces are expected to have a score. A trace counts with
 * the product of its scores, the chance that it is clean, so that one whose error the labels overlooked hardly counts:
 * its scores say so. `traces` holds the calibrated scores of each. Null without traces.
 */
export function falseAlarmThreshold(traces: readonly ArrayLike<number>[], rate: number): number | null {
  const read = traces.map((scores) => {
    const all = Array.from(scores);
    return { lowest: Math.min(...all), chance: all.reduce((product, p) => product * p, 1) };
  });
  read.sort((a, b) => a.lowest - b.lowest);
  const allowed = rate * read.reduce((sum, { chance }) => sum + chance, 0);
  let flagged = 0;
  const firstTooMany = read.find(({ chance }) => {
    flagged += chance;
    return flagged > allowed;
  });
  return firstTooMany?.lowest ?? null;
}
