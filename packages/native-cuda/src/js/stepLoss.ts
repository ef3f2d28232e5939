import type { StepLossName, StepLossPlan } from '../ops/stepLoss.ts';
import { headLogit } from './stepHead.ts';
import { sigmoid, softplus } from './stepScore.ts';

function rowLoss(loss: StepLossName, logit: number, target: number): number {
  return loss === 'bce' ? softplus(logit) - target * logit : (sigmoid(logit) - target) ** 2;
}

function rowLogitGradient(loss: StepLossName, logit: number, target: number): number {
  const p = sigmoid(logit);
  return loss === 'bce' ? p - target : 2 * (p - target) * p * (1 - p);
}

/** gradient += slope · ∂logit/∂parameters of one row. */
function addRowGradient(
  plan: StepLossPlan,
  row: number,
  slope: number,
  hidden: Float64Array,
  gradient: Float64Array,
): void {
  const { features, head } = plan;
  const { inputSize, hiddenSize, parameters } = head;
  const base = row * inputSize;
  if (hiddenSize === 0) {
    for (let i = 0; i < inputSize; i += 1)
      gradient[i] = (gradient[i] as number) + slope * (features[base + i] as number);
    gradient[inputSize] = (gradient[inputSize] as number) + slope;
    return;
  }
  const hiddenBias = hiddenSize * inputSize;
  const outputWeights = hiddenBias + hiddenSize;
  for (let unit = 0; unit < hiddenSize; unit += 1) {
    const activation = hidden[unit] as number;
    if (activation <= 0) continue;
    gradient[outputWeights + unit] = (gradient[outputWeights + unit] as number) + slope * activation;
    const unitSlope = slope * (parameters[outputWeights + unit] as number);
    gradient[hiddenBias + unit] = (gradient[hiddenBias + unit] as number) + unitSlope;
    const weights = unit * inputSize;
    for (let i = 0; i < inputSize; i += 1) {
      gradient[weights + i] = (gradient[weights + i] as number) + unitSlope * (features[base + i] as number);
    }
  }
  gradient[outputWeights + hiddenSize] = (gradient[outputWeights + hiddenSize] as number) + slope;
}

/** The definition: sums in float64 in batch order, divided by Σ w at the end. */
export function stepLoss(plan: StepLossPlan): { loss: number; weightSum: number } {
  const { rowIndices, weights, targets, labelSmoothing } = plan;
  const count = rowIndices?.length ?? plan.rows;
  const gradient = new Float64Array(plan.gradient.length);
  const hidden = new Float64Array(plan.head.hiddenSize);
  let lossSum = 0;
  let weightSum = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rowIndices === null ? i : (rowIndices[i] as number);
    const weight = weights[row] as number;
    if (weight === 0) continue;
    const target = (1 - labelSmoothing) * (targets[row] as number) + labelSmoothing / 2;
    const logit = headLogit(plan.head, plan.features, row, hidden);
    lossSum += weight * rowLoss(plan.loss, logit, target);
    weightSum += weight;
    addRowGradient(plan, row, weight * rowLogitGradient(plan.loss, logit, target), hidden, gradient);
  }
  const scale = weightSum > 0 ? 1 / weightSum : 0;
  for (let i = 0; i < gradient.length; i += 1) plan.gradient[i] = (gradient[i] as number) * scale;
  return { loss: weightSum > 0 ? lossSum / weightSum : NaN, weightSum };
}
