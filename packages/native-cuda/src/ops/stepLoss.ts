import type { CallOptions } from '../backends.ts';
import { run, runAsync, type AsyncCallOptions } from '../dispatch.ts';
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
  typedArray,
} from '../validation.ts';
import { checkedStepHead, stepHeadSize, type StepHead } from './stepHead.ts';

export const STEP_LOSSES = ['bce', 'mse'] as const;
export type StepLossName = (typeof STEP_LOSSES)[number];

export interface StepLossInput {
  /** [rows × width]. */
  features: Float32Array;
  width: number;
  /** Rows of the minibatch, repeats allowed. Default: every row. */
  rowIndices?: Int32Array | undefined;
  /** [rows] in [0, 1], 1 = the step is right. */
  targets: Float32Array;
  /** [rows] ≥ 0; a row of weight 0 is masked: neither its features nor its target are looked at. */
  weights: Float32Array;
  head: StepHead;
  /** With p = σ(logit) and smoothed target t: 'bce' is -t·log p - (1-t)·log(1-p); 'mse' is (p - t)². */
  loss: StepLossName;
  /** ε in [0, 1): t = (1 - ε)·target + ε/2. Default 0. */
  labelSmoothing?: number | undefined;
  /** [head parameters], overwritten when given. */
  gradient?: Float32Array | undefined;
}

export interface StepLossOutput {
  /** Σ w·loss / Σ w over the batch; NaN when Σ w = 0. */
  loss: number;
  weightSum: number;
  /** ∂loss/∂parameters in the layout of the head; zeros when Σ w = 0. */
  gradient: Float32Array;
}

/** A checked call. Kernels write `gradient` and return loss and weight sum. */
export interface StepLossPlan {
  readonly features: Float32Array;
  readonly width: number;
  readonly rowIndices: Int32Array | null;
  readonly rows: number;
  readonly targets: Float32Array;
  readonly weights: Float32Array;
  readonly head: StepHead;
  readonly loss: StepLossName;
  readonly labelSmoothing: number;
  readonly gradient: Float32Array;
}

const WHERE = 'stepLoss';

function checkRowValues(plan: StepLossPlan): void {
  const { rowIndices, targets, weights } = plan;
  const count = rowIndices?.length ?? plan.rows;
  for (let i = 0; i < count; i += 1) {
    const row = rowIndices === null ? i : (rowIndices[i] as number);
    const weight = weights[row] as number;
    if (!(weight >= 0 && weight < Infinity)) {
      throw new NativeError(
        'ERR_VLPRM_RANGE',
        `${WHERE}.weights[${row}]`,
        `${weight} is no finite weight ≥ 0`,
        'use 0 to mask a row',
      );
    }
    const target = targets[row] as number;
    if (weight > 0 && !(target >= 0 && target <= 1)) {
      throw new NativeError(
        'ERR_VLPRM_RANGE',
        `${WHERE}.targets[${row}]`,
        `${target} is not in [0, 1]`,
        'give the row weight 0 if it has no label',
      );
    }
  }
}

/** Checks every argument, resolves defaults and allocates the gradient. */
export function planStepLoss(argument: StepLossInput): StepLossPlan {
  const input = fields(argument, WHERE);
  const features = typedArray(input.features, Float32Array, `${WHERE}.features`);
  const width = integer(input.width, 1, 2 ** 20, `${WHERE}.width`);
  const rows = rowsOf(features, width, `${WHERE}.features`);
  const targets = typedArray(input.targets, Float32Array, `${WHERE}.targets`);
  lengthOf(targets, rows, `${WHERE}.targets`, `${rows} rows`);
  const weights = typedArray(input.weights, Float32Array, `${WHERE}.weights`);
  lengthOf(weights, rows, `${WHERE}.weights`, `${rows} rows`);
  const rowIndices = input.rowIndices === undefined ? null : indexArray(input.rowIndices, `${WHERE}.rowIndices`);
  if (rowIndices !== null) positionsWithin(rowIndices, rows, `${WHERE}.rowIndices`);
  const head = checkedStepHead(input.head, width, `${WHERE}.head`);
  const size = stepHeadSize(head.inputSize, head.hiddenSize);
  const gradient =
    input.gradient === undefined
      ? new Float32Array(size)
      : typedArray(input.gradient, Float32Array, `${WHERE}.gradient`);
  lengthOf(gradient, size, `${WHERE}.gradient`, 'the head');
  disjoint(
    gradient,
    [features, targets, weights, head.parameters, ...(rowIndices === null ? [] : [rowIndices])],
    `${WHERE}.gradient`,
  );
  const plan: StepLossPlan = {
    features,
    width,
    rowIndices,
    rows,
    targets,
    weights,
    head,
    loss: oneOf(input.loss, STEP_LOSSES, `${WHERE}.loss`),
    labelSmoothing: finite(
      input.labelSmoothing ?? 0,
      { minimum: 0, maximum: 1, includeMaximum: false },
      `${WHERE}.labelSmoothing`,
    ),
    gradient,
  };
  checkRowValues(plan);
  return plan;
}

/**
 * Weighted mean loss of a step head over a minibatch, and its gradient. A non-finite feature makes loss and gradient non-finite.
 * @throws NativeError before anything is computed
 */
export function stepLoss(input: StepLossInput, options?: CallOptions): StepLossOutput {
  const plan = planStepLoss(input);
  const { loss, weightSum } = run('stepLoss', plan, options);
  return { loss, weightSum, gradient: plan.gradient };
}

/**
 * `stepLoss` without holding up the event loop; see docs/kernels/calls.md. A `gradient` that was passed is written when the
 * promise resolves, and not before.
 */
export async function stepLossAsync(input: StepLossInput, options?: AsyncCallOptions): Promise<StepLossOutput> {
  const plan = planStepLoss(input);
  const computed = new Float32Array(plan.gradient.length);
  const { loss, weightSum } = await runAsync('stepLoss', { ...plan, gradient: computed }, options);
  plan.gradient.set(computed);
  return { loss, weightSum, gradient: plan.gradient };
}
