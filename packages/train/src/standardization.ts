import type { StepHead } from '@vlprm/native-cuda';
import type { TrainingRow } from './rows.ts';

/** Mean and standard deviation of each feature. */
export interface Standardization {
  readonly mean: Float64Array;
  /** > 0; a feature that never varies has 1. */
  readonly deviation: Float64Array;
}

const SMALLEST_DEVIATION = 1e-6;

/** Over the rows given, each counted once. */
export function fitStandardization(
  features: Float32Array,
  width: number,
  rows: readonly TrainingRow[],
): Standardization {
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (const { row } of rows) for (let i = 0; i < width; i++) mean[i]! += features[row * width + i]! / rows.length;
  for (const { row } of rows) {
    for (let i = 0; i < width; i++) deviation[i]! += (features[row * width + i]! - mean[i]!) ** 2 / rows.length;
  }
  return {
    mean,
    deviation: deviation.map((variance) => (variance > SMALLEST_DEVIATION ** 2 ? Math.sqrt(variance) : 1)),
  };
}

/** [rows × width] standardised copies of the rows, in their order. */
export function standardize(
  features: Float32Array,
  rows: readonly TrainingRow[],
  { mean, deviation }: Standardization,
): Float32Array {
  const width = mean.length;
  const out = new Float32Array(rows.length * width);
  rows.forEach(({ row }, to) => {
    for (let i = 0; i < width; i++) out[to * width + i] = (features[row * width + i]! - mean[i]!) / deviation[i]!;
  });
  return out;
}

/** The head that gives on raw features what `head` gives on standardised ones: w' = w / deviation, b' = b - Σ w' mean. */
export function foldStandardization(head: StepHead, { mean, deviation }: Standardization): StepHead {
  const { inputSize, hiddenSize } = head;
  const parameters = head.parameters.slice();
  const units = Math.max(1, hiddenSize);
  for (let unit = 0; unit < units; unit++) {
    let bias = parameters[units * inputSize + unit]!;
    for (let i = 0; i < inputSize; i++) {
      const weight = parameters[unit * inputSize + i]! / deviation[i]!;
      parameters[unit * inputSize + i] = weight;
      bias -= Math.fround(weight) * mean[i]!;
    }
    parameters[units * inputSize + unit] = bias;
  }
  return { inputSize, hiddenSize, parameters };
}
