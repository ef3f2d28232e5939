import { NativeError } from '../errors.ts';
import { integer, lengthOf, object, typedArray } from '../validation.ts';

/**
 * Step head: the map from the features of a step end to one logit.
 * `hiddenSize` 0: logit = w·x + b. `hiddenSize` h: logit = w2·relu(W1 x + b1) + b2.
 *
 * `parameters` is flat f32: linear `[w (d), b (1)]`; two-layer `[W1 (h × d, row-major), b1 (h), w2 (h), b2 (1)]`.
 */
export interface StepHead {
  inputSize: number;
  hiddenSize: number;
  parameters: Float32Array;
}

export const MAX_HEAD_SIDE = 65_536;

/** Number of parameters of a head. Both sizes are integers up to 65,536; `hiddenSize` 0 is a linear head. */
export function stepHeadSize(inputSize: number, hiddenSize: number): number {
  integer(inputSize, 1, MAX_HEAD_SIDE, 'stepHeadSize.inputSize');
  integer(hiddenSize, 0, MAX_HEAD_SIDE, 'stepHeadSize.hiddenSize');
  return hiddenSize === 0 ? inputSize + 1 : hiddenSize * (inputSize + 2) + 1;
}

/** Checks a head against the width of the rows it reads. */
export function checkedStepHead(head: unknown, width: number, where: string): StepHead {
  object(head, where);
  const { inputSize, hiddenSize, parameters } = head as StepHead;
  const checked: StepHead = {
    inputSize: integer(inputSize, 1, MAX_HEAD_SIDE, `${where}.inputSize`),
    hiddenSize: integer(hiddenSize, 0, MAX_HEAD_SIDE, `${where}.hiddenSize`),
    parameters: typedArray(parameters, Float32Array, `${where}.parameters`),
  };
  if (checked.inputSize !== width) {
    throw new NativeError(
      'ERR_VLPRM_SHAPE',
      `${where}.inputSize`,
      `is ${inputSize}, the rows are ${width} wide`,
      'use the head on the features it was made for',
    );
  }
  lengthOf(
    checked.parameters,
    stepHeadSize(inputSize, hiddenSize),
    `${where}.parameters`,
    `a ${inputSize} → ${hiddenSize} head`,
  );
  return checked;
}
