import type { HostRows } from '../ops/hiddenRows.ts';
import type { StepLossName, StepLossPlan } from '../ops/stepLoss.ts';
import { bf16Bits } from './halfFloat.ts';
import { rankTrace } from './rankingLoss.ts';
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

/** ∂logit/∂features of the row that `head` has read last. */
function featureDerivatives({ inputSize, hiddenSize, parameters, hidden }: HeadReader): Float64Array {
  if (hiddenSize === 0) return parameters.subarray(0, inputSize);
  const derivatives = new Float64Array(inputSize);
  const output = hiddenSize * (inputSize + 1);
  for (let unit = 0; unit < hiddenSize; unit += 1) {
    if ((hidden[unit] as number) <= 0) continue;
    const weights = parameters.subarray(unit * inputSize, (unit + 1) * inputSize);
    addScaledRow(derivatives, 0, parameters[output + unit] as number, weights);
  }
  return derivatives;
}

/** Row i of the feature gradient, in its dtype. */
function writeFeatureGradient(plan: StepLossPlan, i: number, slope: number, derivatives: Float64Array): void {
  const { featureGradient, width } = plan;
  if (featureGradient === null) return;
  const narrow = featureGradient instanceof Uint16Array ? bf16Bits : (value: number): number => value;
  derivatives.forEach((derivative, k) => (featureGradient[i * width + k] = narrow(slope * derivative)));
}

/** Sums in float64 over the rows seen so far. */
class LossSums {
  readonly gradient: Float64Array;
  loss = 0;
  readonly #plan: StepLossPlan;
  readonly #head: HeadReader;

  constructor(plan: StepLossPlan) {
    this.#plan = plan;
    this.#head = headReader(plan.head, plan.dtype);
    this.gradient = new Float64Array(plan.gradient.length);
  }

  logit(i: number): number {
    const { rowIndices, features } = this.#plan;
    return headLogit(this.#head, features as HostRows, rowIndices === null ? i : (rowIndices[i] as number));
  }

  /** Adds the gradient of row i, which was read last. */
  addRow(i: number, slope: number): void {
    addRowGradient(this.#head, slope, this.gradient);
    if (this.#plan.featureGradient === null) return;
    writeFeatureGradient(this.#plan, i, slope / this.#plan.weightSum, featureDerivatives(this.#head));
  }

  addPointwise(): void {
    const { loss, targets, weights, count } = this.#plan;
    for (let i = 0; i < count; i += 1) {
      const weight = weights[i] as number;
      if (weight === 0) continue;
      const target = targets[i] as number;
      const logit = this.logit(i);
      this.loss += weight * rowLoss(loss, logit, target);
      this.addRow(i, weight * rowLogitGradient(loss, logit, target));
    }
  }

  /** Rows of a trace are read twice: no slope is known before every logit is. */
  addTrace(begin: number, end: number, weight: number, margin: number): void {
    const { targets, weights } = this.#plan;
    const rows = Int32Array.from({ length: end - begin }, (_, i) => begin + i).filter((i) => weights[i] !== 0);
    const logits = Float64Array.from(rows, (i) => this.logit(i));
    const right = Array.from(rows, (i) => targets[i] === 1);
    const slopes = new Float64Array(rows.length);
    this.loss += weight * rankTrace(logits, right, margin, slopes);
    rows.forEach((i, k) => {
      this.logit(i);
      this.addRow(i, weight * (slopes[k] as number));
    });
  }
}

/** The definition: sums in float64 in batch order, divided by Σ w at the end. */
export function stepLoss(plan: StepLossPlan): number {
  const { traces, weightSum } = plan;
  const sums = new LossSums(plan);
  plan.featureGradient?.fill(0);
  if (traces === null) sums.addPointwise();
  else {
    traces.weights.forEach((weight, t) => {
      if (weight > 0)
        sums.addTrace(traces.offsets[t] as number, traces.offsets[t + 1] as number, weight, traces.margin);
    });
  }
  const scale = weightSum > 0 ? 1 / weightSum : 0;
  for (let i = 0; i < sums.gradient.length; i += 1) plan.gradient[i] = (sums.gradient[i] as number) * scale;
  return weightSum > 0 ? sums.loss / weightSum : NaN;
}
