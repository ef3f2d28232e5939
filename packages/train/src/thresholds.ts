import { bootstrapTotals } from '@vlprm/core/statistics';

/** Probabilities that steps are right, and whether each is (1) or is not (0). */
export interface LabelledProbabilities {
  readonly probabilities: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
}

export interface ErrorThreshold {
  /** In [0, 1]; a step is called wrong when p < value. */
  readonly value: number;
  /** F1 of the wrong steps there. */
  readonly f1: number;
}

/**
 * F1 of the wrong steps at every threshold that tells two steps apart, from low to high; each lies half-way between
 * two neighbouring probabilities.
 */
function f1Curve({ probabilities, targets }: LabelledProbabilities): ErrorThreshold[] {
  const order = Array.from({ length: probabilities.length }, (_, i) => i);
  order.sort((a, b) => probabilities[a]! - probabilities[b]!);
  const wrong = order.filter((i) => targets[i] === 0).length;
  const curve: ErrorThreshold[] = [];
  let hits = 0;
  order.forEach((row, place) => {
    if (targets[row] === 0) hits++;
    const here = probabilities[row]!;
    const next = place + 1 < order.length ? probabilities[order[place + 1]!]! : 1;
    if (next !== here) curve.push({ value: (here + next) / 2, f1: (2 * hits) / (place + 1 + wrong) });
  });
  return curve;
}

const betterOf = (a: ErrorThreshold, b: ErrorThreshold): ErrorThreshold => (b.f1 > a.f1 ? b : a);

/** The threshold with the best F1 of wrong steps, the lowest of equal ones. Null when no step is wrong: nothing can be chosen then. */
export function bestF1Threshold(labelled: LabelledProbabilities): ErrorThreshold | null {
  if (!Array.from(labelled.targets).includes(0)) return null;
  return f1Curve(labelled).reduce(betterOf, { value: 0, f1: 0 });
}

/** Half the width of a central interval of this level is one standard error of a normal estimate. */
const ONE_STANDARD_ERROR = 0.6827;

/**
 * The highest threshold whose F1 of wrong steps is within one standard error of the best (the one-standard-error rule:
 * Breiman et al., Classification and Regression Trees, 1984, section 3.4.3). Labels overlook errors more often than they
 * invent them, so that of thresholds that cannot be told apart the one that flags more is taken. The error of the best
 * F1 comes from a bootstrap clustered by `groups` [steps]. Null when no step is wrong.
 */
export function oneStandardErrorThreshold(
  labelled: LabelledProbabilities & { readonly groups: readonly string[] },
  seed: number,
): ErrorThreshold | null {
  const best = bestF1Threshold(labelled);
  if (best === null) return null;
  const { probabilities, targets, groups } = labelled;
  const counts = groups.map((_, i) => {
    const called = probabilities[i]! < best.value ? 1 : 0;
    const wrong = targets[i] === 0 ? 1 : 0;
    return [called * wrong, called, wrong];
  });
  const f1 = ([hits, called, wrong]: Float64Array): number => (2 * hits!) / (called! + wrong!);
  const { low, high } = bootstrapTotals(counts, groups, f1, { seed, resamples: 400, level: ONE_STANDARD_ERROR });
  return f1Curve(labelled).findLast((candidate) => candidate.f1 >= best.f1 - (high - low) / 2) ?? best;
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
