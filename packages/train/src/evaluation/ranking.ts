import type { ScoredStep } from './scored-step.ts';

type Ranked = Pick<ScoredStep, 'p' | 'right'>;

/** Indices of the steps from the lowest p to the highest. */
export function ascending(steps: readonly Ranked[]): Int32Array {
  return Int32Array.from(steps, (_, i) => i).sort((a, b) => steps[a]!.p - steps[b]!.p);
}

/** Visits groups of equal p in the order given, with the weights of the right and the wrong steps in each. */
function eachTie(
  steps: readonly Ranked[],
  order: Int32Array,
  weights: ArrayLike<number> | null,
  visit: (right: number, wrong: number) => void,
): void {
  for (let i = 0; i < order.length;) {
    const { p } = steps[order[i]!]!;
    let [right, wrong] = [0, 0];
    for (; i < order.length && steps[order[i]!]!.p === p; i++) {
      const weight = weights === null ? 1 : weights[order[i]!]!;
      if (steps[order[i]!]!.right) right += weight;
      else wrong += weight;
    }
    visit(right, wrong);
  }
}

/**
 * Area under the ROC curve: probability that a right step scores above a wrong one, ties counting ½ (Mann-Whitney).
 * Null unless both classes are there. `weights` (one a step) count steps several times or not at all; `order` is
 * `ascending(steps)`.
 */
export function auroc(
  steps: readonly Ranked[],
  weights: ArrayLike<number> | null = null,
  order: Int32Array = ascending(steps),
): number | null {
  let [below, pairs, rights] = [0, 0, 0];
  eachTie(steps, order, weights, (right, wrong) => {
    pairs += right * (below + wrong / 2);
    below += wrong;
    rights += right;
  });
  return below === 0 || rights === 0 ? null : pairs / (below * rights);
}

/**
 * Area under the precision-recall curve of the class *incorrect*, as average precision: Σ (R_k - R_{k-1}) P_k over the
 * distinct thresholds, lowest p first. Null when no step is wrong. Weights and order as for `auroc`.
 */
export function auprc(
  steps: readonly Ranked[],
  weights: ArrayLike<number> | null = null,
  order: Int32Array = ascending(steps),
): number | null {
  let [called, hits, area] = [0, 0, 0];
  eachTie(steps, order, weights, (right, wrong) => {
    called += right + wrong;
    hits += wrong;
    if (called > 0) area += wrong * (hits / called);
  });
  return hits === 0 ? null : area / hits;
}
