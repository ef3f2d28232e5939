import type { CallOptions } from '../backends.ts';
import { run } from '../dispatch.ts';
import { NativeError } from '../errors.ts';
import { memoryOf, refresh, touchSizes } from '../trees/residence.ts';
import { EDGE, FIRST_CHILD, NOT_EXPANDED } from '../trees/storage.ts';
import { treeState, type TreeBatch } from '../trees/tree-batch.ts';
import { planWave, treeOf, type TreePlan, type WaveInput, type WavePlan } from '../trees/wave.ts';
import { fields, finite, indexArray, lengthOf, segments, typedArray } from '../validation.ts';

export interface ExpandNodesInput extends WaveInput {
  batch: TreeBatch;
  /** [T · L + 1] which priors belong to which leaf. An empty segment makes the leaf terminal; that of a -1 leaf is passed over. */
  childOffsets: Int32Array;
  /** Prior of each child, in [0, 1]. They need not sum to 1. */
  priors: Float32Array;
}

/** A checked call, for whose children every tree has room. Kernels write `firstChildren`. */
export interface ExpandNodesPlan extends TreePlan {
  readonly childOffsets: Int32Array;
  readonly priors: Float32Array;
  readonly firstChildren: Int32Array;
}

const WHERE = 'expandNodes';
const MOST_CHILDREN = 2 ** 16 - 1;

/** Children that the entries [begin, end) of one tree will make: a leaf listed twice, or expanded before, makes none again. */
function newChildren(
  { storage, leaves }: WavePlan,
  offsets: Int32Array,
  tree: number,
  begin: number,
  end: number,
): number {
  const { edges } = refresh(storage);
  const base = tree * storage.stride;
  const seen = new Set<number>();
  let children = 0;
  for (let entry = begin; entry < end; entry += 1) {
    const leaf = leaves[entry] as number;
    if (leaf < 0 || edges[EDGE * (base + leaf) + FIRST_CHILD] !== NOT_EXPANDED || seen.has(leaf)) continue;
    seen.add(leaf);
    children += (offsets[entry + 1] as number) - (offsets[entry] as number);
  }
  return children;
}

function checkRoom(wave: WavePlan, offsets: Int32Array): void {
  const { size, capacity } = wave.storage;
  for (let index = 0; index < wave.count; index += 1) {
    const tree = treeOf(wave, index);
    const begin = index * wave.leavesPerTree;
    const end = begin + wave.leavesPerTree;
    const room = capacity - (size[tree] as number);
    if ((offsets[end] as number) - (offsets[begin] as number) <= room) continue;
    const children = newChildren(wave, offsets, tree, begin, end);
    if (children <= room) continue;
    const what = `tree ${tree} has room for ${room} more nodes, not for ${children}`;
    const remedy = 'select with childrenPerLeaf, which passes over full trees, or make the batch with more capacity';
    throw new NativeError('ERR_VLPRM_CAPACITY', `${WHERE}.childOffsets[${end}]`, what, remedy);
  }
}

function checkChildren(priors: Float32Array, offsets: Int32Array): void {
  for (let i = 0; i < priors.length; i += 1) {
    const prior = priors[i] as number;
    if (!(prior >= 0 && prior <= 1)) finite(prior, { minimum: 0, maximum: 1 }, `${WHERE}.priors[${i}]`);
  }
  for (let entry = 1; entry < offsets.length; entry += 1) {
    const children = (offsets[entry] as number) - (offsets[entry - 1] as number);
    if (children <= MOST_CHILDREN) continue;
    const what = `${children} children are more than ${MOST_CHILDREN}`;
    throw new NativeError('ERR_VLPRM_RANGE', `${WHERE}.childOffsets[${entry}]`, what, 'keep the likeliest');
  }
}

export function planExpandNodes(argument: ExpandNodesInput): ExpandNodesPlan {
  const input = fields(argument, WHERE);
  const wave = planWave(input, treeState(input.batch, `${WHERE}.batch`).storage, WHERE);
  const priors = typedArray(input.priors, Float32Array, `${WHERE}.priors`);
  const childOffsets = indexArray(input.childOffsets, `${WHERE}.childOffsets`);
  lengthOf(childOffsets, wave.leaves.length + 1, `${WHERE}.childOffsets`, 'one segment per leaf');
  segments(childOffsets, priors.length, `${WHERE}.childOffsets`);
  checkChildren(priors, childOffsets);
  checkRoom(wave, childOffsets);
  return {
    wave,
    memory: memoryOf(wave.storage),
    childOffsets,
    priors,
    firstChildren: new Int32Array(wave.leaves.length),
  };
}

/**
 * Gives leaves their children. Of a leaf listed twice the first entry counts; a node that is expanded or terminal stays as it is.
 * @returns [T × L] the first of the consecutive nodes that each entry made, or -1 where it made none
 * @throws NativeError ERR_VLPRM_CAPACITY when a tree has no room, before any tree changes; ERR_VLPRM_POSITION, ERR_VLPRM_SEGMENTS,
 * ERR_VLPRM_RANGE, ERR_VLPRM_SHAPE, ERR_VLPRM_TYPE
 */
export function expandNodes(input: ExpandNodesInput, options?: CallOptions): Int32Array {
  const plan = planExpandNodes(input);
  run('expandNodes', plan, options);
  touchSizes(plan.wave.storage);
  return plan.firstChildren;
}
