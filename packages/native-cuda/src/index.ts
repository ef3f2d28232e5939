export { activeBackend, backends, type BackendInfo, type BackendName, type CallOptions } from './backends.ts';
export { DeviceBuffer, memoryUsage, type DeviceBufferOptions } from './device-buffer.ts';
export type { AsyncCallOptions } from './dispatch.ts';
export { NATIVE_ERROR_CODES, NativeError, type NativeErrorCode } from './errors.ts';
export { kernelReport, type KernelReport } from './report.ts';
export type { ElementArray, MemoryUsage } from './memory.ts';
export { adamw, type AdamWInput, type AdamWState } from './ops/adamw.ts';
export { type HiddenDtype } from './ops/hiddenRows.ts';
export { expandNodes, type ExpandNodesInput } from './ops/expandNodes.ts';
export { type BetaInterval, type Interval, type WilsonInterval } from './ops/interval.ts';
export {
  mcLabels,
  mcLabelsAsync,
  type GroupedRollouts,
  type KeyedRollouts,
  type McLabelsInput,
  type McLabelsOutput,
  type PackedRollouts,
} from './ops/mcLabels.ts';
export {
  puctSelect,
  uctSelect,
  type NodeValue,
  type PuctSelectInput,
  type SelectOutput,
  type UctSelectInput,
} from './ops/puctSelect.ts';
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
export { releaseLeaves, valueBackup, type ReleaseLeavesInput, type ValueBackupInput } from './ops/valueBackup.ts';
export { type SearchTreeDocument } from './trees/document.ts';
export { bestChild, principalVariation, visitPolicy, type VisitPolicy } from './trees/statistics.ts';
export { TreeBatch, type SearchNode } from './trees/tree-batch.ts';
export { type Wave } from './trees/wave.ts';
