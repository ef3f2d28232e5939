import type { StepHead } from '../ops/stepHead.ts';

/**
 * Pre-activations of the hidden layer for row `row`, into `hidden` (float64); returns the logit.
 * For a linear head `hidden` is unused.
 */
export function headLogit(head: StepHead, features: Float32Array, row: number, hidden: Float64Array): number {
  const { inputSize, hiddenSize, parameters } = head;
  const base = row * inputSize;
  if (hiddenSize === 0) return dot(parameters, 0, features, base, inputSize) + (parameters[inputSize] as number);
  const hiddenBias = hiddenSize * inputSize;
  const outputWeights = hiddenBias + hiddenSize;
  let logit = parameters[outputWeights + hiddenSize] as number;
  for (let unit = 0; unit < hiddenSize; unit += 1) {
    const activation =
      dot(parameters, unit * inputSize, features, base, inputSize) + (parameters[hiddenBias + unit] as number);
    hidden[unit] = activation;
    // A NaN activation must reach the logit, so it is not compared away.
    logit += (activation <= 0 ? 0 : activation) * (parameters[outputWeights + unit] as number);
  }
  return logit;
}

function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < length; i += 2) {
    even += (a[aStart + i] as number) * (b[bStart + i] as number);
    odd += (a[aStart + i + 1] as number) * (b[bStart + i + 1] as number);
  }
  if (i < length) even += (a[aStart + i] as number) * (b[bStart + i] as number);
  return even + odd;
}
