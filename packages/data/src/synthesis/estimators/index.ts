import { adaptiveEstimator } from './adaptive.ts';
import { binaryEstimator } from './binary.ts';
import type { Estimator, EstimatorName } from './estimator.ts';
import { exhaustiveEstimator } from './exhaustive.ts';
import { treeEstimator } from './tree.ts';

export { ESTIMATOR_NAMES } from './estimator.ts';

export interface EstimatorOptions {
  /** K: rollouts from a prefix that a label rests on at most. */
  readonly rollouts: number;
  /** Success rate in [0, 1) at or below which a step is called wrong. */
  readonly threshold: number;
}

const ESTIMATORS: Readonly<Record<EstimatorName, (options: EstimatorOptions) => Estimator>> = {
  exhaustive: exhaustiveEstimator,
  adaptive: adaptiveEstimator,
  binary: binaryEstimator,
  tree: treeEstimator,
};

/** The estimator of a name with its published settings. */
export function createEstimator(name: EstimatorName, options: EstimatorOptions): Estimator {
  return ESTIMATORS[name](options);
}
