/** The arrays behind a TreeBatch, in one piece of memory laid out as csrc/ops/trees.h reads it. */
import { NativeError } from '../errors.ts';

/** Backed-up values are multiples of 2⁻³⁰, so a float64 holds the sum of 2²² of them exactly. */
export const MOST_VISITS = 2 ** 22;

export const NOT_EXPANDED = 0;
export const TERMINAL = -1;

/** Tree t owns the elements [t · stride, t · stride + size[t]) of each array of nodes. */
export interface TreeStorage {
  readonly memory: Uint8Array;
  readonly trees: number;
  readonly capacity: number;
  readonly stride: number;
  /** Sum of the values backed up through a node; exact. */
  readonly valueSum: Float64Array;
  /** Largest of them: (value + 1) · 2³⁰; 0 before the first. */
  readonly valueMax: Uint32Array;
  /** -1 for the root. A child's number is above its parent's. */
  readonly parent: Int32Array;
  /** NOT_EXPANDED, TERMINAL, or the first of `childCount` consecutive nodes. */
  readonly firstChild: Int32Array;
  readonly visits: Int32Array;
  /** Descents through a node that no value has come back for. */
  readonly virtualVisits: Int32Array;
  readonly prior: Float32Array;
  /** [trees] nodes in use. */
  readonly size: Int32Array;
  readonly childCount: Uint16Array;
  /** Those of the virtual visits that ended at a node. Only the checks read it, so it is not in `memory`. */
  readonly held: Int32Array;
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
  let offset = 0;
  const next = <T>(
    View: new (buffer: ArrayBuffer, offset: number, length: number) => T,
    width: number,
    n: number,
  ): T => {
    const view = new View(memory, offset, n);
    offset += width * n;
    return view;
  };
  const storage: TreeStorage = {
    memory: new Uint8Array(memory),
    trees,
    capacity,
    stride,
    valueSum: next(Float64Array, 8, nodes),
    valueMax: next(Uint32Array, 4, nodes),
    parent: next(Int32Array, 4, nodes),
    firstChild: next(Int32Array, 4, nodes),
    visits: next(Int32Array, 4, nodes),
    virtualVisits: next(Int32Array, 4, nodes),
    prior: next(Float32Array, 4, nodes),
    size: next(Int32Array, 4, trees),
    childCount: next(Uint16Array, 2, nodes),
    held,
  };
  for (let tree = 0; tree < trees; tree += 1) plantRoot(storage, tree);
  return storage;
}

/** Makes the tree a root alone. */
export function clearTree(storage: TreeStorage, tree: number): void {
  const { valueSum, valueMax, parent, firstChild, visits, virtualVisits, prior, childCount, held } = storage;
  const begin = tree * storage.stride;
  const arrays = [valueSum, valueMax, parent, firstChild, visits, virtualVisits, prior, childCount, held];
  for (const array of arrays) array.fill(0, begin, begin + (storage.size[tree] as number));
  plantRoot(storage, tree);
}

function plantRoot({ parent, prior, size, stride }: TreeStorage, tree: number): void {
  parent[tree * stride] = -1;
  prior[tree * stride] = 1;
  size[tree] = 1;
}

/** Visits that the most visited root has, virtual ones included. */
export function mostVisits({ visits, virtualVisits, trees, stride }: TreeStorage): number {
  let most = 0;
  for (let tree = 0; tree < trees; tree += 1) {
    const root = tree * stride;
    most = Math.max(most, (visits[root] as number) + (virtualVisits[root] as number));
  }
  return most;
}
