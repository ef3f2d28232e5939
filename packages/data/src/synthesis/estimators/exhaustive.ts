import type { Estimator } from './estimator.ts';
import { sumCounts, type StepNode } from './step-tree.ts';

export interface ExhaustiveOptions {
  /** Rollouts from every distinct prefix. */
  readonly rollouts: number;
}

/** Prefixes in the order of solutions and steps, each once. */
function prefixes(root: StepNode): StepNode[] {
  return [...root.children.values()].flatMap((child) => [child, ...prefixes(child)]);
}

/**
 * As many rollouts from the prefix after every step: Math-Shepherd's completion estimate
 * (https://arxiv.org/abs/2312.08935, section 3.3), and how VL-PRM300K was made (https://arxiv.org/abs/2509.23250).
 * A prefix that solutions share is continued once; a step counts its own rollouts alone.
 * Costs rollouts × distinct prefixes, in one round.
 */
export function exhaustiveEstimator({ rollouts }: ExhaustiveOptions): Estimator {
  return {
    name: 'exhaustive',
    settings: { rollouts },
    *estimate({ tree }) {
      yield prefixes(tree.root).map((node) => ({ node, n: rollouts }));
    },
    evidence: ({ asked }) => sumCounts(asked),
  };
}
