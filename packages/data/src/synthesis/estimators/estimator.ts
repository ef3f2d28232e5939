import type { Outcome, Step } from '@vlprm/core/records';
import type { StepTree } from './step-tree.ts';

/** Continuations of one prefix that an estimator wants next. */
export interface RolloutRequest {
  /** At least one step, the first steps of some solution of the problem; all of its steps for the prefix that ends it. */
  readonly prefix: readonly Step[];
  /** Continuations, at least 1. */
  readonly n: number;
}

/** One continuation to the end. */
export interface Rollout {
  readonly outcome: Outcome;
  /** The steps after the prefix; empty when the call failed, or nothing could be read. */
  readonly steps: readonly Step[];
}

/** A whole solution whose steps are to be valued. It is a rollout of each of its own prefixes. */
export interface SampledSolution {
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
}

export interface EstimationTask {
  readonly solutions: readonly SampledSolution[];
  /** Where the driver writes what came back; what an estimator decides by, and what is read as the estimate at the end. */
  readonly tree: StepTree;
  /** Number in [0, 2^53) for an estimator that draws. */
  readonly seed: number;
}

/**
 * What to ask next: yields requests, is resumed once all their rollouts are in the tree of its task, and returns when it
 * has asked enough. It computes alone and calls nothing, so that it runs as well against a simulation.
 * The driver may stop it after any yield (budget): what is in the tree by then is the estimate.
 */
export type Estimation = Generator<readonly RolloutRequest[], void, void>;

/** A way to spend rollouts on the steps of one problem's solutions. */
export interface Estimator {
  readonly name: EstimatorName;
  /** Whether a rollout also counts for the prefixes further down that it passes through, and each solution for its own. */
  readonly reuse: boolean;
  estimate(task: EstimationTask): Estimation;
}

export const ESTIMATOR_NAMES = ['exhaustive', 'adaptive', 'binary', 'tree'] as const;
export type EstimatorName = (typeof ESTIMATOR_NAMES)[number];
