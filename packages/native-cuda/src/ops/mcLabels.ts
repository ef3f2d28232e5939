import type { CallOptions } from '../backends.ts';
import { run, runAsync, type AsyncCallOptions } from '../dispatch.ts';
import { NativeError } from '../errors.ts';
import { fields, finite, indexArray, integer, object, segments, typedArray } from '../validation.ts';

export interface McLabelsInput {
  /** [R] rollout outcomes: 0 incorrect, 1 correct, 2 unparsable, 3 failed. */
  outcomes: Uint8Array;
  /** [S + 1] rollouts of each step, from 0 to R. */
  offsets: Int32Array;
  /**
   * A step is negative iff correct · denominator ≤ numerator · completed, in integers. 0 ≤ numerator < denominator ≤ 2²⁰.
   * Default 0/1: negative iff no completed rollout was correct.
   */
  threshold?: { numerator: number; denominator: number } | undefined;
  /** Normal quantile of the Wilson interval, > 0. Default 1.96. */
  z?: number | undefined;
}

/** All [S]. completed = correct + incorrect + unparsable; a failed rollout is no evidence. */
export interface McLabelsOutput {
  correct: Int32Array;
  incorrect: Int32Array;
  unparsable: Int32Array;
  failed: Int32Array;
  /** correct / completed; NaN when completed = 0. */
  rate: Float32Array;
  /** Wilson score interval of the rate (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953); NaN when completed = 0. */
  lower: Float32Array;
  upper: Float32Array;
  /** 1 positive, -1 negative, 0 no evidence. */
  label: Int8Array;
}

/** A checked call. Kernels fill the outputs and return the index of the first outcome above 3, or -1. */
export interface McLabelsPlan {
  readonly outcomes: Uint8Array;
  readonly offsets: Int32Array;
  readonly numerator: number;
  readonly denominator: number;
  readonly z: number;
  readonly output: McLabelsOutput;
}

const WHERE = 'mcLabels';
const MAX_DENOMINATOR = 2 ** 20;

/** Checks every argument but the outcomes, which the kernel checks while it counts. */
export function planMcLabels(argument: McLabelsInput): McLabelsPlan {
  const input = fields(argument, WHERE);
  const threshold = input.threshold ?? { numerator: 0, denominator: 1 };
  object(threshold, `${WHERE}.threshold`);
  const denominator = integer(threshold.denominator, 1, MAX_DENOMINATOR, `${WHERE}.threshold.denominator`);
  const numerator = integer(threshold.numerator, 0, denominator - 1, `${WHERE}.threshold.numerator`);
  const outcomes = typedArray(input.outcomes, Uint8Array, `${WHERE}.outcomes`);
  const offsets = indexArray(input.offsets, `${WHERE}.offsets`);
  const steps = segments(offsets, outcomes.length, `${WHERE}.offsets`);
  return {
    outcomes,
    offsets,
    numerator,
    denominator,
    z: finite(input.z ?? 1.96, { minimum: 0, maximum: 100, includeMinimum: false }, `${WHERE}.z`),
    output: {
      correct: new Int32Array(steps),
      incorrect: new Int32Array(steps),
      unparsable: new Int32Array(steps),
      failed: new Int32Array(steps),
      rate: new Float32Array(steps),
      lower: new Float32Array(steps),
      upper: new Float32Array(steps),
      label: new Int8Array(steps),
    },
  };
}

function checkedOutcomes(plan: McLabelsPlan, invalid: number): McLabelsOutput {
  if (invalid < 0) return plan.output;
  throw new NativeError(
    'ERR_VLPRM_OUTCOME',
    `${WHERE}.outcomes[${invalid}]`,
    `${plan.outcomes[invalid]} is no outcome`,
    'use 0 incorrect, 1 correct, 2 unparsable, 3 failed',
  );
}

/**
 * Counts rollout outcomes per step and labels the steps. Every backend gives the same bits.
 * @throws NativeError ERR_VLPRM_OUTCOME for a byte above 3, besides what the arguments' shapes can raise
 */
export function mcLabels(input: McLabelsInput, options?: CallOptions): McLabelsOutput {
  const plan = planMcLabels(input);
  return checkedOutcomes(plan, run('mcLabels', plan, options));
}

/** `mcLabels` without holding up the event loop; see docs/kernels/calls.md. */
export async function mcLabelsAsync(input: McLabelsInput, options?: AsyncCallOptions): Promise<McLabelsOutput> {
  const plan = planMcLabels(input);
  return checkedOutcomes(plan, await runAsync('mcLabels', plan, options));
}
