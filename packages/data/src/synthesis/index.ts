export * from './forecast/index.ts';
export { datasetSource } from './dataset-source.ts';
export { estimateProblem, type Estimate, type EstimationSettings } from './estimation.ts';
export type { Estimation, EstimationTask, Estimator, EstimatorName, RolloutRequest } from './estimators/estimator.ts';
export { createEstimator, ESTIMATOR_NAMES, type EstimatorOptions } from './estimators/index.ts';
export { admit, type IntakeRow } from './intake.ts';
export type { LabelledProblem } from './labelled-problems.ts';
export { type SynthesisOptions } from './options.ts';
export { type StageName } from './stage.ts';
export type { SynthesisSummary } from './summary.ts';
export { collectTraces, synthesize, type SynthesisRequest, type SynthesisResult } from './synthesize.ts';
export {
  chainSuccessRate,
  createChainWorld,
  type Chain,
  type ChainWorld,
  type ChainWorldOptions,
} from './simulated-chains.ts';
