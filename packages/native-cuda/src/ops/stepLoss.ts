import type { CallOptions } from '../backends.ts';
import { run, runAsync, type AsyncCallOptions } from '../dispatch.ts';
import { DeviceBuffer } from '../device-buffer.ts';
import { NativeError } from '../errors.ts';
import {
  disjoint,
  fields,
  finite,
  indexArray,
  integer,
  lengthOf,
  oneOf,
  positionsWithin,
  rowsOf,
  segments,
  typedArray,
} from '../validation.ts';
import { HIDDEN_DTYPES, hiddenRows, type HiddenDtype, type HiddenRows } from './hiddenRows.ts';
import { rowTerms, type RowTermsInput } from './rowTerms.ts';
import { checkedStepHead, stepHeadSize, type StepHead } from './stepHead.ts';

export const STEP_LOSSES = ['bce', 'mse', 'pqm'] as const;
export type StepLossName = (typeof STEP_LOSSES)[number];

export interface StepLossInput extends RowTermsInput {
  /** [rows × width]; `Uint16Array` carries the bits of bf16 and f16. A DeviceBuffer decides where the op computes. */
  features: HiddenRows;
  /** Default 'f32'. */
  dtype?: HiddenDtype | undefined;
  width: number;
  /** [count] rows of the minibatch, repeats allowed. Default: every row. */
  rowIndices?: Int32Array | undefined;
  head: StepHead;
  /**
   * With z the logit, p = σ(z) and smoothed target t: 'bce' is -t·log p - (1-t)·log(1-p), which is cross-entropy restricted to two
   * labels when z is the difference of their logits; 'mse' is (p - t)².
   *
   * 'pqm' ranks the steps of a trace (Li & Li 2024, https://arxiv.org/abs/2410.11287): with right steps C in order, wrong steps W
   * and margin ζ, each t ∈ C has -log e^{z_t} / (1 + Σ_{i ≤ t, i ∈ C} e^{z_i} + Σ_{w ∈ W} e^{z_w + ζ}), and the trace, if W is
   * not empty, -log 1 / (1 + Σ_{w ∈ W} e^{z_w + ζ}) for its start, whose value is 0. A trace's loss is the mean of these.
   */
  loss: StepLossName;
  /** ε in [0, 1): t = (1 - ε)·target + ε/2. Default 0; 'pqm' has none. */
  labelSmoothing?: number | undefined;
  /** [traces + 1] steps of each trace in the order of the minibatch, from 0 to count. For 'pqm', which needs them, alone. */
  traceOffsets?: Int32Array | undefined;
  /** ζ ≥ 0 of 'pqm'. Default 4. */
  margin?: number | undefined;
  /** [head parameters], overwritten when given. */
  gradient?: Float32Array | undefined;
  /** [count × width] in the order of the minibatch; `Uint16Array` takes bf16, rounded to nearest even. Overwritten. */
  featureGradient?: Float32Array | Uint16Array | undefined;
}

export interface StepLossOutput {
  /** Σ w·loss / Σ w over the batch, for 'pqm' over its traces; NaN when Σ w = 0. */
  loss: number;
  /** Σ w. A trace weighs the mean weight of those of its rows that are not masked. */
  weightSum: number;
  /** ∂loss/∂parameters in the layout of the head; zeros when Σ w = 0. */
  gradient: Float32Array;
}

/** The traces of 'pqm'. */
export interface LossTraces {
  readonly offsets: Int32Array;
  /** [traces]; 0 where every row is masked. */
  readonly weights: Float64Array;
  readonly margin: number;
}

/** A checked call. Kernels write `gradient` and `featureGradient` and return the loss. */
export interface StepLossPlan {
  readonly features: HiddenRows;
  readonly dtype: HiddenDtype;
  readonly width: number;
  readonly count: number;
  readonly rowIndices: Int32Array | null;
  /** [count] in the order of the minibatch, smoothed. */
  readonly targets: Float64Array;
  /** [count]; a row of weight 0 is masked: its features are not looked at, and its feature gradient is 0. */
  readonly weights: Float64Array;
  readonly weightSum: number;
  readonly loss: StepLossName;
  readonly traces: LossTraces | null;
  readonly head: StepHead;
  readonly gradient: Float32Array;
  readonly featureGradient: Float32Array | Uint16Array | null;
}

const WHERE = 'stepLoss';
const DEFAULT_MARGIN = 4;

interface Rows {
  readonly rowIndices: Int32Array | null;
  readonly targets: Float64Array;
  readonly weights: Float64Array;
}

/** Targets and weights in the order of the minibatch. */
function gatherTerms(input: StepLossInput, rows: number): Rows {
  const rowIndices = input.rowIndices === undefined ? null : indexArray(input.rowIndices, `${WHERE}.rowIndices`);
  if (rowIndices !== null) positionsWithin(rowIndices, rows, `${WHERE}.rowIndices`);
  const smoothing = finite(
    input.labelSmoothing ?? 0,
    { minimum: 0, maximum: 1, includeMaximum: false },
    `${WHERE}.labelSmoothing`,
  );
  const term = rowTerms(input, rows, WHERE);
  const count = rowIndices?.length ?? rows;
  const targets = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const { target, weight } = term(rowIndices === null ? i : (rowIndices[i] as number));
    targets[i] = (1 - smoothing) * target + smoothing / 2;
    weights[i] = weight;
  }
  return { rowIndices, targets, weights };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i += 1) total += values[i] as number;
  return total;
}

/** Mean weight of the rows that are not masked; 0 without any. */
function traceWeight(weights: Float64Array): number {
  const present = weights.filter((weight) => weight > 0);
  return present.length === 0 ? 0 : sum(present) / present.length;
}

function refuseSoftTargets({ rowIndices, targets, weights }: Rows): void {
  const i = targets.findIndex((target, at) => weights[at] !== 0 && target !== 0 && target !== 1);
  if (i < 0) return;
  throw new NativeError(
    'ERR_VLPRM_RANGE',
    `${WHERE}.targets[${rowIndices === null ? i : rowIndices[i]}]`,
    `${targets[i]} is neither right (1) nor wrong (0)`,
    "'pqm' ranks steps by hard labels: pass 0 or 1",
  );
}

function checkedTraces(input: StepLossInput, rows: Rows): LossTraces | null {
  if (input.loss !== 'pqm') {
    const field = input.traceOffsets === undefined ? 'margin' : 'traceOffsets';
    if (input[field] === undefined) return null;
    throw new NativeError('ERR_VLPRM_TYPE', `${WHERE}.${field}`, "belongs to loss 'pqm'", 'leave it out');
  }
  if ((input.labelSmoothing ?? 0) !== 0) {
    throw new NativeError(
      'ERR_VLPRM_RANGE',
      `${WHERE}.labelSmoothing`,
      `is ${input.labelSmoothing}`,
      "'pqm' ranks steps by hard labels: leave it out",
    );
  }
  refuseSoftTargets(rows);
  const offsets = indexArray(input.traceOffsets, `${WHERE}.traceOffsets`);
  const traces = segments(offsets, rows.weights.length, `${WHERE}.traceOffsets`);
  const weights = new Float64Array(traces);
  for (let t = 0; t < traces; t += 1) {
    weights[t] = traceWeight(rows.weights.subarray(offsets[t], offsets[t + 1]));
  }
  const margin = finite(input.margin ?? DEFAULT_MARGIN, { minimum: 0, maximum: 1e6 }, `${WHERE}.margin`);
  return { offsets, weights, margin };
}

type FeatureGradient = StepLossPlan['featureGradient'];

function checkedFeatureGradient(array: unknown, size: number): FeatureGradient {
  if (array === undefined) return null;
  const where = `${WHERE}.featureGradient`;
  const type = array instanceof Uint16Array ? Uint16Array : Float32Array;
  const checked = typedArray<Float32Array | Uint16Array>(array, type, where);
  lengthOf(checked, size, where, 'the minibatch');
  return checked;
}

/** Checks every argument, resolves defaults, folds what weighs a row into one number, and allocates the gradient. */
export function planStepLoss(argument: StepLossInput): StepLossPlan {
  const input = fields(argument, WHERE);
  const dtype = oneOf(input.dtype ?? 'f32', HIDDEN_DTYPES, `${WHERE}.dtype`);
  const features = hiddenRows(input.features, dtype, `${WHERE}.features`);
  const width = integer(input.width, 1, 2 ** 20, `${WHERE}.width`);
  const head = checkedStepHead(input.head, width, `${WHERE}.head`);
  const rows = gatherTerms(input, rowsOf(features, width, `${WHERE}.features`));
  const { rowIndices, targets, weights } = rows;
  const loss = oneOf(input.loss, STEP_LOSSES, `${WHERE}.loss`);
  const traces = checkedTraces(input, rows);
  const size = stepHeadSize(head.inputSize, head.hiddenSize);
  const gradient =
    input.gradient === undefined
      ? new Float32Array(size)
      : typedArray(input.gradient, Float32Array, `${WHERE}.gradient`);
  lengthOf(gradient, size, `${WHERE}.gradient`, 'the head');
  const featureGradient = checkedFeatureGradient(input.featureGradient, weights.length * width);
  const { offsets = null } = traces ?? {};
  const given = [
    features instanceof DeviceBuffer ? null : features,
    head.parameters,
    input.targets,
    input.weights ?? null,
    rowIndices,
    offsets,
  ];
  const read = given.filter((array) => array !== null);
  disjoint(gradient, read, `${WHERE}.gradient`);
  if (featureGradient !== null) disjoint(featureGradient, [...read, gradient], `${WHERE}.featureGradient`);
  const weightSum = sum(traces === null ? weights : traces.weights);
  return {
    features,
    dtype,
    width,
    count: weights.length,
    rowIndices,
    targets,
    weights,
    weightSum,
    loss,
    traces,
    head,
    gradient,
    featureGradient,
  };
}

/**
 * Weighted mean loss of a step head over a minibatch, its gradient and, where asked for, that of the features. The bits depend on
 * neither threads nor timing. A non-finite feature makes loss and gradient non-finite.
 * @throws NativeError before anything is computed
 */
export function stepLoss(input: StepLossInput, options?: CallOptions): StepLossOutput {
  const plan = planStepLoss(input);
  const loss = run('stepLoss', plan, options);
  return { loss, weightSum: plan.weightSum, gradient: plan.gradient };
}

/**
 * `stepLoss` without holding up the event loop; see docs/kernels/calls.md. A `gradient` or `featureGradient` that was passed is
 * written when the promise resolves, and not before.
 */
export async function stepLossAsync(input: StepLossInput, options?: AsyncCallOptions): Promise<StepLossOutput> {
  const { gradient, featureGradient, ...plan } = planStepLoss(input);
  const computed = new Float32Array(gradient.length);
  const features = featureGradient?.slice() ?? null;
  const loss = await runAsync('stepLoss', { ...plan, gradient: computed, featureGradient: features }, options);
  gradient.set(computed);
  if (features !== null) featureGradient?.set(features);
  return { loss, weightSum: plan.weightSum, gradient };
}
