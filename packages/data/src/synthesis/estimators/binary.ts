import type { Step, StepValue } from '@vlprm/core/records';
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
  /**
   * Largest probability that K other rollouts would call a prefix lost, for a search to end at it. 1 searches as published.
   * Default 0.02.
   */
  readonly doubt?: number;
}

/** P(at most `most` of n independent trials succeed), each at `rate`. */
function binomialTail(n: number, rate: number, most: number): number {
  if (rate === 1) return most >= n ? 1 : 0;
  let term = (1 - rate) ** n;
  let sum = term;
  for (let k = 1; k <= most; k++) {
    term *= ((n - k + 1) / k) * (rate / (1 - rate));
    sum += term;
  }
  return sum;
}

/**
 * OmegaPRM (Luo et al. 2024, https://arxiv.org/abs/2406.06592): the first error of a wrong solution by binary search.
 * A prefix that can be completed has no error yet and one that cannot has one, so each probe of `rollouts` continuations halves
 * what is left: rollouts × ⌈log₂ T⌉ for T steps. A right solution needs no search, and shows that its prefixes can be completed.
 *
 * Where success rates are low but not zero, one probe is a poor witness: an exhaustive run asks at every step, and calls the first
 * one wrong whose rollouts all fail by chance. So a search that ends at such a prefix probes the steps before it as well, until
 * one succeeds so often that chance is out of question ("doubt", chosen on development seeds).
 *
 * Evidence have the prefixes that were probed, those that a success was seen to come through, and the end of a solution whose
 * step before has some: so no first error is read where the search did not find it.
 */
export function binaryEstimator(options: BinaryOptions): Estimator {
  const { rollouts, threshold, searches = null, doubt = 0.02, ...given } = options;
  const poolOptions = { ...POOL_OPTIONS, ...given };

  const exceeds = (correct: number, all: number): boolean => correct > threshold * all;

  const isDrawn = ({ asked, passed }: StepNode): boolean =>
    completed(asked) + asked.failed + completed(passed) >= rollouts;

  /** Where any success is enough, whether one begins with the prefix. */
  const isProven = ({ solutions, asked, passed, below }: StepNode): boolean =>
    threshold === 0 && solutions.correct + asked.correct + passed.correct + below.correct > 0;

  const isLost = (node: StepNode): boolean =>
    !isProven(node) &&
    !exceeds(node.asked.correct + node.passed.correct, completed(node.asked) + completed(node.passed));

  /** Whether every call failed. */
  const isUnknown = (node: StepNode): boolean =>
    !isProven(node) && completed(node.asked) + completed(node.passed) === 0;

  function* draw(node: StepNode): Generator<readonly RolloutRequest[], void, void> {
    if (!isDrawn(node)) yield [{ node, n: rollouts - completed(node.passed) }];
  }

  /** Whether K other rollouts may call the prefix lost: P(at most τK of K succeed) at the rate seen; 1 where none did. */
  const isDoubtful = ({ asked, passed }: StepNode): boolean => {
    const rate = (asked.correct + passed.correct) / (completed(asked) + completed(passed));
    return binomialTail(rollouts, rate, threshold * rollouts) > doubt;
  };

  /**
   * Narrows the first error down to one step, from a prefix without one to the end that has one: the length of the longest
   * prefix without. Null where calls failed that would have had to tell.
   */
  function* bisect({ state, steps }: PooledRollout, { tree }: EstimationTask, probed: (node: StepNode) => void) {
    let sound = state.steps.length;
    let lost = steps.length;
    while (lost - sound > 1) {
      const middle = Math.floor((sound + lost) / 2);
      const node = tree.at(steps, middle) as StepNode;
      if (!isProven(node)) yield* draw(node);
      if (isUnknown(node)) return null;
      if (isLost(node)) lost = middle;
      else sound = middle;
      probed(node);
    }
    return sound;
  }

  /** Goes back from the last sound prefix for as long as it is doubtful that an exhaustive run had come so far. */
  function* retrace({ state, steps }: PooledRollout, { tree }: EstimationTask, sound: number) {
    for (let length = sound; length > state.steps.length; length--) {
      const node = tree.at(steps, length) as StepNode;
      if (length < sound) yield* draw(node);
      if (!isDrawn(node) || !isDoubtful(node)) return;
    }
  }

  const evidence = ({ asked, passed, solutions, children, parent }: StepNode): StepValue | null => {
    if (completed(asked) > 0) return sumCounts(asked, passed);
    const known = sumCounts(solutions, passed);
    if (known === null || exceeds(known.correct, completed(known))) return known;
    const isNext = parent !== null && (parent.parent === null || evidence(parent) !== null);
    return children.size === 0 && isNext ? known : null;
  };

  return {
    name: 'binary',
    settings: { rollouts, threshold, searches, doubt, ...poolOptions },
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
        const sound = yield* bisect(next, task, collect);
        if (sound !== null) yield* retrace(next, task, sound);
      }
    },
    evidence,
  };
}
