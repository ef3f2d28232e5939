/** Leaves of several trees that are evaluated together. */
import type { DeviceBuffer } from '../device-buffer.ts';
import { NativeError } from '../errors.ts';
import { indexArray, rowsOf } from '../validation.ts';
import type { TreeStorage } from './storage.ts';

/** What a select returns; expandNodes, valueBackup and releaseLeaves take it back: `valueBackup({ batch, ...wave, values })`. */
export interface Wave {
  /** [T] the trees, increasing; null for all of the batch. */
  trees: Int32Array | null;
  /** [T × L] a node of the tree, or -1 for none. */
  leaves: Int32Array;
}

export interface WaveInput {
  /** [T] the trees, increasing. Default: all of the batch. */
  trees?: Int32Array | null | undefined;
  /** [T × L] leaves, L for each tree; -1 entries are passed over. */
  leaves: Int32Array;
}

export interface WavePlan {
  readonly storage: TreeStorage;
  readonly trees: Int32Array | null;
  /** T. */
  readonly count: number;
  /** L. */
  readonly leavesPerTree: number;
  readonly leaves: Int32Array;
}

/** What the checked call of every op on trees has. */
export interface TreePlan {
  readonly wave: WavePlan;
  /** Where the trees lie: `wave.storage.memory`, or the device. */
  readonly memory: Uint8Array | DeviceBuffer<Uint8Array>;
}

/** @throws NativeError ERR_VLPRM_POSITION when a tree does not exist or does not follow the one before */
export function planTrees(trees: unknown, storage: TreeStorage, where: string): Int32Array | null {
  if (trees === undefined || trees === null) return null;
  const listed = indexArray(trees, where);
  let before = -1;
  for (let i = 0; i < listed.length; i += 1) {
    const tree = listed[i] as number;
    if (tree <= before || tree >= storage.trees) {
      const what = `tree ${tree} does not exist or does not come after tree ${before}`;
      throw new NativeError('ERR_VLPRM_POSITION', `${where}[${i}]`, what, 'list each tree once, in increasing order');
    }
    before = tree;
  }
  return listed;
}

export function planWave(input: WaveInput, storage: TreeStorage, where: string): WavePlan {
  const trees = planTrees(input.trees, storage, `${where}.trees`);
  const leaves = indexArray(input.leaves, `${where}.leaves`);
  const count = trees?.length ?? storage.trees;
  const leavesPerTree = count === 0 && leaves.length === 0 ? 0 : rowsOf(leaves, count, `${where}.leaves`);
  const wave = { storage, trees, count, leavesPerTree, leaves };
  const { size } = storage;
  for (let index = 0, entry = 0; index < count; index += 1) {
    const nodes = size[treeOf(wave, index)] as number;
    for (const end = entry + leavesPerTree; entry < end; entry += 1) {
      const leaf = leaves[entry] as number;
      if (leaf >= -1 && leaf < nodes) continue;
      const what = `tree ${treeOf(wave, index)} has the nodes 0..${nodes - 1}, not ${leaf}`;
      throw new NativeError(
        'ERR_VLPRM_POSITION',
        `${where}.leaves[${entry}]`,
        what,
        'pass leaves that a select returned, or -1',
      );
    }
  }
  return wave;
}

export function treeOf({ trees }: Pick<WavePlan, 'trees'>, index: number): number {
  return trees === null ? index : (trees[index] as number);
}

/**
 * Counts, for the entries before `limit`, one more or one less descent that ended at the leaf. Returns the first entry where there is
 * none to take away, with those before it changed, or -1.
 */
function countHeld(wave: WavePlan, change: 1 | -1, limit: number): number {
  const { held, stride } = wave.storage;
  for (let index = 0, entry = 0; entry < limit; index += 1) {
    const base = treeOf(wave, index) * stride;
    for (const end = Math.min(entry + wave.leavesPerTree, limit); entry < end; entry += 1) {
      const leaf = wave.leaves[entry] as number;
      if (leaf < 0) continue;
      const now = (held[base + leaf] as number) + change;
      if (now < 0) return entry;
      held[base + leaf] = now;
    }
  }
  return -1;
}

/** Notes where the descents of a wave ended. */
export function holdLeaves(wave: WavePlan): void {
  countHeld(wave, 1, wave.leaves.length);
}

/**
 * Every leaf gives up one descent that ended there; none does if one cannot.
 * @throws NativeError ERR_VLPRM_PENDING when no descent waits at a leaf
 */
export function settleLeaves(wave: WavePlan, where: string): void {
  const missing = countHeld(wave, -1, wave.leaves.length);
  if (missing < 0) return;
  countHeld(wave, 1, missing);
  throw new NativeError(
    'ERR_VLPRM_PENDING',
    `${where}.leaves[${missing}]`,
    `no descent that ended at node ${wave.leaves[missing]} waits for a value`,
    'back each selected leaf up or release it, once',
  );
}
