import type { CallOptions } from '../backends.ts';
import { run, runAsync, type AsyncCallOptions } from '../dispatch.ts';
import { NativeError } from '../errors.ts';
import {
  fields,
  indexArray,
  integer,
  lengthOf,
  MAX_LENGTH,
  object,
  positionsWithin,
  segments,
  typedArray,
} from '../validation.ts';
import { checkedInterval, fillLargeIntervals, intervalTable, type CheckedInterval, type Interval } from './interval.ts';

/** Rollouts that lie together by step. */
export interface GroupedRollouts {
  /** [R] 0 incorrect, 1 correct, 2 unparsable, 3 failed. */
  outcomes: Uint8Array;
  /** [S + 1] rollouts of each step, from 0 to R. */
  offsets: Int32Array;
}

/** Rollouts in any order, each with its step. */
export interface KeyedRollouts {
  /** [R] as in `GroupedRollouts`. */
  outcomes: Uint8Array;
  /** [R] step of each rollout, 0 to S - 1. */
  steps: Int32Array;
  /** S; a step that no rollout names has no evidence. */
  stepCount: number;
}

/** A bit per rollout, for rollouts that were either right or wrong; they lie together by step. */
export interface PackedRollouts {
  /** [⌈R / 8⌉] bit i mod 8 (1 is the lowest) of byte ⌊i / 8⌋ is set iff rollout i was correct. Bits behind the last are ignored. */
  bits: Uint8Array;
  /** R. */
  rollouts: number;
  /** [S + 1] rollouts of each step, from 0 to R. */
  offsets: Int32Array;
}

export interface Labelling {
  /**
   * A step is negative iff correct · denominator ≤ numerator · completed, in integers. 0 ≤ numerator < denominator ≤ 2²⁰.
   * Default 0/1: negative iff no completed rollout was correct.
   */
  threshold?: { numerator: number; denominator: number } | undefined;
  /** Default Wilson's with z = 1.96. */
  interval?: Interval | undefined;
}

export type McLabelsInput = (GroupedRollouts | KeyedRollouts | PackedRollouts) & Labelling;

/** All [S]. completed = correct + incorrect + unparsable; a failed rollout is no evidence. */
export interface McLabelsOutput {
  correct: Int32Array;
  incorrect: Int32Array;
  unparsable: Int32Array;
  failed: Int32Array;
  /** correct / completed; NaN when completed = 0. */
  rate: Float32Array;
  /** The interval's ends; NaN when completed = 0. */
  lower: Float32Array;
  upper: Float32Array;
  /** 1 positive, -1 negative, 0 no evidence. */
  label: Int8Array;
}

/** How rollouts come, in the order of csrc/ops/mcLabels.h. */
export const ROLLOUT_FORMS = ['grouped', 'keyed', 'packed'] as const;
export type RolloutForm = (typeof ROLLOUT_FORMS)[number];

/** A checked call. Kernels fill the outputs and return the index of the first outcome above 3, or -1. */
export interface McLabelsPlan {
  readonly form: RolloutForm;
  /** Packed: the bits. */
  readonly outcomes: Uint8Array;
  /** Grouped and packed. */
  readonly offsets: Int32Array | null;
  /** Keyed. */
  readonly keys: Int32Array | null;
  readonly rollouts: number;
  readonly steps: number;
  readonly numerator: number;
  readonly denominator: number;
  readonly interval: CheckedInterval;
  /** See `intervalTable`. */
  readonly intervals: Float32Array;
  readonly output: McLabelsOutput;
}

type Rollouts = Pick<McLabelsPlan, 'form' | 'outcomes' | 'offsets' | 'keys' | 'rollouts' | 'steps'>;

const WHERE = 'mcLabels';
const MAX_DENOMINATOR = 2 ** 20;

function groupedRollouts(input: GroupedRollouts): Rollouts {
  const outcomes = typedArray(input.outcomes, Uint8Array, `${WHERE}.outcomes`);
  const offsets = indexArray(input.offsets, `${WHERE}.offsets`);
  const steps = segments(offsets, outcomes.length, `${WHERE}.offsets`);
  return { form: 'grouped', outcomes, offsets, keys: null, rollouts: outcomes.length, steps };
}

function keyedRollouts(input: KeyedRollouts): Rollouts {
  const outcomes = typedArray(input.outcomes, Uint8Array, `${WHERE}.outcomes`);
  const keys = indexArray(input.steps, `${WHERE}.steps`);
  lengthOf(keys, outcomes.length, `${WHERE}.steps`, 'outcomes');
  const steps = integer(input.stepCount, 0, MAX_LENGTH, `${WHERE}.stepCount`);
  positionsWithin(keys, steps, `${WHERE}.steps`);
  return { form: 'keyed', outcomes, offsets: null, keys, rollouts: keys.length, steps };
}

function packedRollouts(input: PackedRollouts): Rollouts {
  const outcomes = typedArray(input.bits, Uint8Array, `${WHERE}.bits`);
  const rollouts = integer(input.rollouts, 0, MAX_LENGTH, `${WHERE}.rollouts`);
  lengthOf(outcomes, Math.ceil(rollouts / 8), `${WHERE}.bits`, `rollouts (${rollouts})`);
  const offsets = indexArray(input.offsets, `${WHERE}.offsets`);
  const steps = segments(offsets, rollouts, `${WHERE}.offsets`);
  return { form: 'packed', outcomes, offsets, keys: null, rollouts, steps };
}

function checkedRollouts(input: Partial<GroupedRollouts & KeyedRollouts & PackedRollouts>): Rollouts {
  const named = (['offsets', 'steps'] as const).filter((name) => input[name] !== undefined);
  if (named.length !== 1) {
    const got = named.length === 0 ? 'has neither offsets nor steps' : 'has both offsets and steps';
    throw new NativeError('ERR_VLPRM_TYPE', WHERE, got, 'say in one way which rollouts belong to a step');
  }
  if (input.steps !== undefined) return keyedRollouts(input as KeyedRollouts);
  if (input.bits !== undefined && input.outcomes !== undefined) {
    throw new NativeError('ERR_VLPRM_TYPE', WHERE, 'has both outcomes and bits', 'pass one of them');
  }
  return input.bits === undefined ? groupedRollouts(input as GroupedRollouts) : packedRollouts(input as PackedRollouts);
}

/** Checks every argument but the outcomes, which the kernel checks while it counts. */
export function planMcLabels(argument: McLabelsInput): McLabelsPlan {
  const input = fields(argument, WHERE);
  const threshold = input.threshold ?? { numerator: 0, denominator: 1 };
  object(threshold, `${WHERE}.threshold`);
  const denominator = integer(threshold.denominator, 1, MAX_DENOMINATOR, `${WHERE}.threshold.denominator`);
  const numerator = integer(threshold.numerator, 0, denominator - 1, `${WHERE}.threshold.numerator`);
  const interval = checkedInterval(input.interval, `${WHERE}.interval`);
  // Arrays last: what another argument's getter does to them shows.
  const rollouts = checkedRollouts(input);
  const { steps } = rollouts;
  return {
    ...rollouts,
    numerator,
    denominator,
    interval,
    intervals: intervalTable(interval),
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

/** What a kernel wrote, checked and completed. */
function finished(plan: McLabelsPlan, invalid: number): McLabelsOutput {
  if (invalid < 0) {
    fillLargeIntervals(plan.interval, plan.output);
    return plan.output;
  }
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
  return finished(plan, run('mcLabels', plan, options));
}

/** `mcLabels` without holding up the event loop; see docs/kernels/calls.md. */
export async function mcLabelsAsync(input: McLabelsInput, options?: AsyncCallOptions): Promise<McLabelsOutput> {
  const plan = planMcLabels(input);
  return finished(plan, await runAsync('mcLabels', plan, options));
}
