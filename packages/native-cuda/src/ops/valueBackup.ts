import type { CallOptions } from '../backends.ts';
import { run } from '../dispatch.ts';
import { memoryOf, touch } from '../trees/residence.ts';
import { treeState, type TreeBatch } from '../trees/tree-batch.ts';
import { holdLeaves, planWave, settleLeaves, type TreePlan, type WaveInput } from '../trees/wave.ts';
import { boolean, fields, finite, lengthOf, typedArray } from '../validation.ts';

export interface ReleaseLeavesInput extends WaveInput {
  batch: TreeBatch;
}

export interface ValueBackupInput extends WaveInput {
  batch: TreeBatch;
  /** [T × L] value of each leaf in [-1, 1]; that of a -1 leaf is not read. */
  values: Float64Array;
  /** γ in [0, 1]: a node k edges above the leaf gets γᵏ · value. Default 1. */
  discount?: number | undefined;
  /** Whether descents wait at the leaves, so that their virtual visits are taken back. Default true: the leaves come from a select. */
  selected?: boolean | undefined;
}

/** A checked call. */
export interface ValueBackupPlan extends TreePlan {
  /** Null takes the virtual visits back and no more. */
  readonly values: Float64Array | null;
  /** Powers of the discount; null when it is 1. */
  readonly discounts: Float64Array | null;
  readonly selected: boolean;
}

const WHERE = 'valueBackup';
const UNIT = { minimum: -1, maximum: 1 };

function checkValues(values: Float64Array, leaves: Int32Array): void {
  for (let entry = 0; entry < values.length; entry += 1) {
    const value = values[entry] as number;
    if (!(value >= -1 && value <= 1) && leaves[entry] !== -1) finite(value, UNIT, `${WHERE}.values[${entry}]`);
  }
}

/** Checks everything and, for selected leaves, lets the descents that wait there go. */
export function planValueBackup(argument: ValueBackupInput): ValueBackupPlan {
  const input = fields(argument, WHERE);
  const state = treeState(input.batch, `${WHERE}.batch`);
  const wave = planWave(input, state.storage, WHERE);
  const values = typedArray(input.values, Float64Array, `${WHERE}.values`);
  lengthOf(values, wave.leaves.length, `${WHERE}.values`, 'one value per leaf');
  checkValues(values, wave.leaves);
  const discount = finite(input.discount ?? 1, { minimum: 0, maximum: 1 }, `${WHERE}.discount`);
  const selected = boolean(input.selected ?? true, `${WHERE}.selected`);
  if (selected) settleLeaves(wave, WHERE);
  else state.admit(wave.leavesPerTree, `${WHERE}.leaves`);
  return {
    wave,
    memory: memoryOf(state.storage),
    values,
    discounts: discount === 1 ? null : state.discounts(discount),
    selected,
  };
}

function backUp(plan: ValueBackupPlan, options: CallOptions | undefined): void {
  try {
    run('valueBackup', plan, options);
  } catch (error) {
    if (plan.selected) holdLeaves(plan.wave);
    throw error;
  } finally {
    touch(plan.wave.storage);
  }
}

/**
 * Gives every node from a leaf to the root one more visit and the leaf's value, discounted and then rounded to a multiple of 2⁻³⁰
 * (half to even). Sums of such values are exact, so neither their order nor the backend changes a bit. Takes the virtual visits of
 * the leaves' descents back.
 * @throws NativeError ERR_VLPRM_PENDING when no descent waits at a leaf; ERR_VLPRM_RANGE (also a root with more than 2²² visits),
 * ERR_VLPRM_POSITION, ERR_VLPRM_SHAPE, ERR_VLPRM_TYPE. Nothing has changed then.
 */
export function valueBackup(input: ValueBackupInput, options?: CallOptions): void {
  backUp(planValueBackup(input), options);
}

/**
 * Takes back the virtual visits of descents whose evaluation failed: a failure is no value.
 * @throws NativeError ERR_VLPRM_PENDING, ERR_VLPRM_POSITION, ERR_VLPRM_SHAPE, ERR_VLPRM_TYPE. Nothing has changed then.
 */
export function releaseLeaves(input: ReleaseLeavesInput, options?: CallOptions): void {
  const where = 'releaseLeaves';
  const given = fields(input, where);
  const wave = planWave(given, treeState(given.batch, `${where}.batch`).storage, where);
  settleLeaves(wave, where);
  backUp({ wave, memory: memoryOf(wave.storage), values: null, discounts: null, selected: true }, options);
}
