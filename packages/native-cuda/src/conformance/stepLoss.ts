/** Loss of a step head from its formulas in float64, for float64 parameters, so that it can be differentiated numerically. */
import type { StepLossInput } from '../ops/stepLoss.ts';

function logit(input: StepLossInput, parameters: Float64Array, row: number): number {
  const { features, width } = input;
  const h = input.head.hiddenSize;
  const product = (at: number): number => {
    let sum = 0;
    for (let i = 0; i < width; i += 1) sum += (parameters[at + i] as number) * (features[row * width + i] as number);
    return sum;
  };
  if (h === 0) return product(0) + (parameters[width] as number);
  let sum = parameters[h * width + 2 * h] as number;
  for (let unit = 0; unit < h; unit += 1) {
    const activation = product(unit * width) + (parameters[h * width + unit] as number);
    sum += Math.max(0, activation) * (parameters[h * width + h + unit] as number);
  }
  return sum;
}

function rowLoss(input: StepLossInput, parameters: Float64Array, row: number): number {
  const p = 1 / (1 + Math.exp(-logit(input, parameters, row)));
  const epsilon = input.labelSmoothing ?? 0;
  const target = (1 - epsilon) * (input.targets[row] as number) + epsilon / 2;
  return input.loss === 'mse' ? (p - target) ** 2 : -target * Math.log(p) - (1 - target) * Math.log(1 - p);
}

/** Weighted mean loss. */
export function defineLoss(input: StepLossInput, parameters: Float64Array): number {
  const rows = input.rowIndices ?? Int32Array.from({ length: input.weights.length }, (_, i) => i);
  let loss = 0;
  let weightSum = 0;
  for (const row of rows) {
    const weight = input.weights[row] as number;
    if (weight === 0) continue;
    loss += weight * rowLoss(input, parameters, row);
    weightSum += weight;
  }
  return loss / weightSum;
}

/** Central differences of the loss: error O(step²) where no unit switches within the step. */
export function differentiate(input: StepLossInput, step = 1e-6): Float64Array {
  const parameters = Float64Array.from(input.head.parameters);
  return parameters.map((value, i) => {
    const at = (x: number): number => defineLoss(input, parameters.with(i, x));
    return (at(value + step) - at(value - step)) / (2 * step);
  });
}
