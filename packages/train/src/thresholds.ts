/** Probabilities that steps are right, and whether each is (1) or is not (0). */
export interface LabelledProbabilities {
  readonly probabilities: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
}

export interface BestThreshold {
  /** In [0, 1]; a step is called wrong when p < value. */
  readonly value: number;
  /** F1 of the wrong steps there. */
  readonly f1: number;
}

/**
 * The threshold with the best F1 of wrong steps; it lies half-way between two neighbouring probabilities, and the lowest
 * of equal ones is taken. Null when no step is wrong: nothing can be chosen then.
 */
export function bestF1Threshold({ probabilities, targets }: LabelledProbabilities): BestThreshold | null {
  const order = Array.from({ length: probabilities.length }, (_, i) => i);
  order.sort((a, b) => probabilities[a]! - probabilities[b]!);
  const wrong = order.filter((i) => targets[i] === 0).length;
  if (wrong === 0) return null;
  let best: BestThreshold = { value: 0, f1: 0 };
  let hits = 0;
  order.forEach((row, place) => {
    if (targets[row] === 0) hits++;
    const here = probabilities[row]!;
    const next = place + 1 < order.length ? probabilities[order[place + 1]!]! : 1;
    if (next === here) return;
    const f1 = (2 * hits) / (place + 1 + wrong);
    if (f1 > best.f1) best = { value: (here + next) / 2, f1 };
  });
  return best;
}

/**
 * The largest threshold of these below which at most `rate` of the clean traces have their lowest perception score.
 * `lowest` holds one score a trace. Null without traces.
 */
export function falseAlarmThreshold(lowest: readonly number[], rate: number): number | null {
  const sorted = [...lowest].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(rate * sorted.length))] ?? null;
}
