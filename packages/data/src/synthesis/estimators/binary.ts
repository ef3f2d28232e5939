import type { Step } from '@vlprm/core/records';
import type { EstimationTask, Estimator, RolloutRequest } from './estimator.ts';
import { POOL_OPTIONS, RolloutPool, type PooledRollout, type PoolOptions } from './rollout-pool.ts';
import { completed, sumCounts, type StepNode } from './step-tree.ts';

export interface BinaryOptions extends Partial<PoolOptions> {
  /** Rollouts from a prefix that is probed. */
  readonly rollouts: number;
  /** Success rate at or below which a prefix counts as lost. */
  readonly threshold: number;
  /**
   * Searches at most. Null: one for each wrong solution, and none for the wrong rollouts met on the way, which belong to no
   * trace; a number lets these wait in the pool as well, as OmegaPRM does to collect states.
   */
  readonly searches?: number | null;
}

/**
 * OmegaPRM (Luo et al. 2024, https://arxiv.org/abs/2406.06592): the first error of a wrong solution by binary search.
 * A prefix that can be completed has no error yet and one that cannot has one, so each probe of `rollouts` continuations halves
 * what is left: rollouts × ⌈log₂ T⌉ for T steps. A right solution needs no search, and shows that its prefixes can be completed.
 * Evidence have the prefixes that were probed, those that a success was seen to come through, and the end of each solution.
 */
export function binaryEstimator(options: BinaryOptions): Estimator {
  const { rollouts, threshold, searches = null, ...given } = options;
  const poolOptions = { ...POOL_OPTIONS, ...given };

  const exceeds = (correct: number, all: number): boolean => correct > threshold * all;

  /** Whether enough is known of a prefix: K draws, or, where any success is enough, one that begins with it. */
  const isKnown = ({ solutions, asked, passed, below }: StepNode): boolean =>
    completed(asked) + asked.failed + completed(passed) >= rollouts ||
    (threshold === 0 && solutions.correct + asked.correct + passed.correct + below.correct > 0);

  const isLost = ({ solutions, asked, passed, below }: StepNode): boolean => {
    if (threshold === 0) return solutions.correct + asked.correct + passed.correct + below.correct === 0;
    return !exceeds(asked.correct + passed.correct, completed(asked) + completed(passed));
  };

  function* probe(node: StepNode): Generator<readonly RolloutRequest[], boolean, void> {
    if (!isKnown(node)) yield [{ node, n: rollouts - completed(node.passed) }];
    return isLost(node);
  }

  /** Narrows the first error down to one step, from a prefix without one to the end that has one. */
  function* search({ state, steps }: PooledRollout, { tree }: EstimationTask, probed: (node: StepNode) => void) {
    let sound = state.steps.length;
    let lost = steps.length;
    while (lost - sound > 1) {
      const middle = Math.floor((sound + lost) / 2);
      const node = tree.at(steps, middle) as StepNode;
      if (yield* probe(node)) lost = middle;
      else sound = middle;
      probed(node);
    }
  }

  return {
    name: 'binary',
    settings: { rollouts, threshold, searches, ...poolOptions },
    *estimate(task) {
      const { tree, solutions } = task;
      const pool = new RolloutPool(poolOptions);
      const met = new Set<StepNode>();
      const add = (state: StepNode, steps: readonly Step[]): void => {
        const end = tree.at(steps) as StepNode;
        if (!met.has(end)) pool.add({ state, steps });
        met.add(end);
      };
      for (const { steps, outcome } of solutions) {
        if (outcome === 'incorrect' || outcome === 'unparsable') add(tree.root, steps);
      }
      const collected = new Set<StepNode>();
      const collect = (state: StepNode): void => {
        if (searches === null || collected.has(state) || isLost(state)) return;
        collected.add(state);
        const before = state.steps;
        for (const { outcome, steps } of state.rollouts) {
          if (outcome === 'incorrect' && steps.length > 0) add(state, [...before, ...steps]);
        }
      };
      for (let left = searches ?? Infinity; left > 0; left--) {
        const next = pool.pop();
        if (next === undefined) return;
        yield* search(next, task, collect);
      }
    },
    evidence({ asked, passed, solutions, children }) {
      const draws = sumCounts(asked, passed);
      if (completed(asked) > 0) return draws;
      const known = sumCounts(solutions, passed);
      if (known === null) return null;
      return children.size === 0 || exceeds(known.correct, completed(known)) ? known : null;
    },
  };
}
