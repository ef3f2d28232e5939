import type { StepLossName, StepLossPlan } from '../ops/stepLoss.ts';
import { headLogit, headReader, type HeadReader } from './stepHead.ts';
import { sigmoid, softplus } from './stepScore.ts';

function rowLoss(loss: StepLossName, logit: number, target: number): number {
  return loss === 'bce' ? softplus(logit) - target * logit : (sigmoid(logit) - target) ** 2;
}

function rowLogitGradient(loss: StepLossName, logit: number, target: number): number {
  const p = sigmoid(logit);
  return loss === 'bce' ? p - target : 2 * (p - target) * p * (1 - p);
}

/** gradient[at + i] += slope · row[i]. */
function addScaledRow(gradient: Float64Array, at: number, slope: number, row: Float64Array): void {
  for (let i = 0; i < row.length; i += 1) gradient[at + i] = (gradient[at + i] as number) + slope * (row[i] as number);
}

/** gradient += slope · ∂logit/∂parameters of the row that `head` has read last. */
function addRowGradient(head: HeadReader, slope: number, gradient: Float64Array): void {
  const { inputSize, hiddenSize, parameters, row, hidden } = head;
  const last = gradient.length - 1;
  gradient[last] = (gradient[last] as number) + slope;
  if (hiddenSize === 0) {
    addScaledRow(gradient, 0, slope, row);
    return;
  }
  const hiddenBias = hiddenSize * inputSize;
  const output = hiddenBias + hiddenSize;
  for (let unit = 0; unit < hiddenSize; unit += 1) {
    const activation = hidden[unit] as number;
    if (activation <= 0) continue;
    const unitSlope = slope * (parameters[output + unit] as number);
    gradient[output + unit] = (gradient[output + unit] as number) + slope * activation;
    gradient[hiddenBias + unit] = (gradient[hiddenBias + unit] as number) + unitSlope;
    addScaledRow(gradient, unit * inputSize, unitSlope, row);
  }
}

/** The definition: sums in float64 in batch order, divided by Σ w at the end. */
export function stepLoss(plan: StepLossPlan): { loss: number; weightSum: number } {
  const { rowIndices, weights, targets, labelSmoothing } = plan;
  const count = rowIndices?.length ?? plan.rows;
  const gradient = new Float64Array(plan.gradient.length);
  const head = headReader(plan.head);
  let lossSum = 0;
  let weightSum = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rowIndices === null ? i : (rowIndices[i] as number);
    const weight = weights[row] as number;
    if (weight === 0) continue;
    const target = (1 - labelSmoothing) * (targets[row] as number) + labelSmoothing / 2;
    const logit = headLogit(head, plan.features, row);
    lossSum += weight * rowLoss(plan.loss, logit, target);
    weightSum += weight;
    addRowGradient(head, weight * rowLogitGradient(plan.loss, logit, target), gradient);
  }
  const scale = weightSum > 0 ? 1 / weightSum : 0;
  for (let i = 0; i < gradient.length; i += 1) plan.gradient[i] = (gradient[i] as number) * scale;
  return { loss: weightSum > 0 ? lossSum / weightSum : NaN, weightSum };
}
