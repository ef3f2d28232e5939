export { datasetSource } from './dataset-source.ts';
export { ESTIMATOR_NAMES, type EstimatorName } from './estimators/estimator.ts';
export type { LabelledProblem } from './labelled-problems.ts';
export { type SynthesisOptions } from './options.ts';
export { type StageName } from './stage.ts';
export type { SynthesisSummary } from './summary.ts';
export { collectTraces, synthesize, type SynthesisRequest, type SynthesisResult } from './synthesize.ts';
