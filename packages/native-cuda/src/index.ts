export { activeBackend, backends, type BackendInfo, type BackendName, type CallOptions } from './backends.ts';
export type { AsyncCallOptions } from './dispatch.ts';
export { NATIVE_ERROR_CODES, NativeError, type NativeErrorCode } from './errors.ts';
export { adamw, type AdamWInput, type AdamWState } from './ops/adamw.ts';
export { type HiddenDtype } from './ops/hiddenRows.ts';
export { mcLabels, mcLabelsAsync, type McLabelsInput, type McLabelsOutput } from './ops/mcLabels.ts';
export { stepHeadSize, type StepHead } from './ops/stepHead.ts';
export { stepLoss, stepLossAsync, type StepLossInput, type StepLossName, type StepLossOutput } from './ops/stepLoss.ts';
export {
  stepScore,
  stepScoreAsync,
  type AggregateName,
  type StepAggregates,
  type StepScoreInput,
  type StepScoreOutput,
} from './ops/stepScore.ts';
