import type { Outcome, Step, StepValue } from '@vlprm/core/records';
import type { StepNode, StepTree } from './step-tree.ts';

/** Continuations of one prefix that an estimator wants next. */
export interface RolloutRequest {
  /** A node of the task's tree other than its root: the prefix that ends with its step. */
  readonly node: StepNode;
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
  /** At least one. */
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
}

export interface EstimationTask {
  readonly solutions: readonly SampledSolution[];
  /** The solutions' prefixes, and where the driver writes what came back. */
  readonly tree: StepTree;
  /** Rollouts that may be asked for; null when there is no limit. */
  readonly budget: number | null;
}

/**
 * What to ask next: yields requests, is resumed once all their rollouts are in the tree of its task, and returns when it
 * has asked enough. It computes alone and calls nothing, so that it runs as well against a simulation.
 * It may be stopped after any yield (budget): what is in the tree by then is the estimate.
 */
export type Estimation = Generator<readonly RolloutRequest[], void, void>;

/** A way to spend rollouts on the steps of one problem's solutions. */
export interface Estimator {
  readonly name: EstimatorName;
  /** All that its requests depend on besides the task, as JSON: part of the key that an estimate is kept under. */
  readonly settings: Readonly<Record<string, unknown>>;
  estimate(task: EstimationTask): Estimation;
  /** What counts as evidence of the step that a prefix ends with; null when nothing does. */
  evidence(node: StepNode): StepValue | null;
}

export const ESTIMATOR_NAMES = ['exhaustive', 'adaptive', 'binary', 'tree'] as const;
export type EstimatorName = (typeof ESTIMATOR_NAMES)[number];
