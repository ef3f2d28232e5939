/** The arrays behind a TreeBatch, in one piece of memory laid out as csrc/ops/trees.h reads it. */
import { NativeError } from '../errors.ts';
import type { Residence } from './residence.ts';

/** Backed-up values are multiples of 2⁻³⁰, so a float64 holds the sum of 2²² of them exactly. */
export const MOST_VISITS = 2 ** 22;

export const NOT_EXPANDED = 0;
export const TERMINAL = -1;

/** Fields of a node's edge: four words, what a descent reads of a child. */
export const VISITS = 0;
/** Descents through the node that no value has come back for. */
export const VIRTUAL_VISITS = 1;
/** A float32; read it through `priors`. */
export const PRIOR = 2;
/** NOT_EXPANDED, TERMINAL, or the first of `childCount` consecutive nodes. */
export const FIRST_CHILD = 3;
export const EDGE = 4;

/** Fields of a node's uplink: two words, what a value on its way up needs. -1 for the root; a child's number is above its parent's. */
export const PARENT = 0;
/** Largest of the node's values: (value + 1) · 2³⁰, 0 before the first. Read it through `maxima`. */
export const VALUE_MAX = 1;
export const UPLINK = 2;

/** Tree t owns the nodes [t · stride, t · stride + size[t]). */
export interface TreeStorage {
  readonly memory: Uint8Array;
  readonly trees: number;
  readonly capacity: number;
  readonly stride: number;
  /** [nodes × EDGE], and the same memory as float32. */
  readonly edges: Int32Array;
  readonly priors: Float32Array;
  /** [nodes] sum of the values backed up through a node; exact. */
  readonly valueSum: Float64Array;
  /** [nodes × UPLINK], and the same memory as uint32. */
  readonly uplinks: Int32Array;
  readonly maxima: Uint32Array;
  /** [trees] nodes in use. */
  readonly size: Int32Array;
  /** [nodes]. */
  readonly childCount: Uint16Array;
  /** [nodes] those of the virtual visits that ended at a node. Only the checks read it, so it is not in `memory`. */
  readonly held: Int32Array;
  /** Null while the trees lie in `memory`. */
  residence: Residence | null;
}

/** Trees a power of two apart would share cache sets: 16 elements more keep them apart. */
function strideOf(capacity: number): number {
  return capacity % 512 === 0 ? capacity + 16 : capacity;
}

function allocate(bytes: number, nodes: number): { memory: ArrayBuffer; held: Int32Array } {
  try {
    return { memory: new ArrayBuffer(bytes), held: new Int32Array(nodes) };
  } catch (cause) {
    const what = `no memory for ${nodes} nodes (${(cause as Error).message})`;
    throw new NativeError('ERR_VLPRM_OOM', 'TreeBatch', what, 'use fewer trees or a lower capacity');
  }
}

export function allocateTrees(trees: number, capacity: number): TreeStorage {
  const stride = strideOf(capacity);
  const nodes = trees * stride;
  const { memory, held } = allocate(34 * nodes + 4 * trees, nodes);
  const sums = 16 * nodes;
  const uplinks = sums + 8 * nodes;
  const sizes = uplinks + 8 * nodes;
  const storage: TreeStorage = {
    memory: new Uint8Array(memory),
    trees,
    capacity,
    stride,
    edges: new Int32Array(memory, 0, EDGE * nodes),
    priors: new Float32Array(memory, 0, EDGE * nodes),
    valueSum: new Float64Array(memory, sums, nodes),
    uplinks: new Int32Array(memory, uplinks, UPLINK * nodes),
    maxima: new Uint32Array(memory, uplinks, UPLINK * nodes),
    size: new Int32Array(memory, sizes, trees),
    childCount: new Uint16Array(memory, sizes + 4 * trees, nodes),
    held,
    residence: null,
  };
  for (let tree = 0; tree < trees; tree += 1) plantRoot(storage, tree);
  return storage;
}

/** Makes the tree a root alone. */
export function clearTree(storage: TreeStorage, tree: number): void {
  const { edges, valueSum, uplinks, childCount, held, stride } = storage;
  const begin = tree * stride;
  const end = begin + (storage.size[tree] as number);
  edges.fill(0, EDGE * begin, EDGE * end);
  uplinks.fill(0, UPLINK * begin, UPLINK * end);
  for (const array of [valueSum, childCount, held]) array.fill(0, begin, end);
  plantRoot(storage, tree);
}

function plantRoot({ uplinks, priors, size, stride }: TreeStorage, tree: number): void {
  uplinks[UPLINK * tree * stride + PARENT] = -1;
  priors[EDGE * tree * stride + PRIOR] = 1;
  size[tree] = 1;
}

/** Visits that the most visited root has, virtual ones included. */
export function mostVisits({ edges, trees, stride }: TreeStorage): number {
  let most = 0;
  for (let tree = 0; tree < trees; tree += 1) {
    const root = EDGE * tree * stride;
    most = Math.max(most, (edges[root + VISITS] as number) + (edges[root + VIRTUAL_VISITS] as number));
  }
  return most;
}
