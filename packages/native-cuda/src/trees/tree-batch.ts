import { NativeError } from '../errors.ts';
import { fields, integer, oneOf } from '../validation.ts';
import { moveToDevice, moveToHost, publish, refresh } from './residence.ts';
import { readTrees, writeTrees, type SearchTreeDocument } from './document.ts';
import {
  allocateTrees,
  clearTree,
  EDGE,
  FIRST_CHILD,
  MOST_VISITS,
  mostVisits,
  NOT_EXPANDED,
  PARENT,
  PRIOR,
  TERMINAL,
  UPLINK,
  VALUE_MAX,
  VIRTUAL_VISITS,
  VISITS,
  type TreeStorage,
} from './storage.ts';
import { GrowingTable, type ExplorationRule } from './tables.ts';

/** One node as plain values. */
export interface SearchNode {
  /** -1 for the root. */
  parent: number;
  /** First of `childCount` consecutive nodes, or -1. */
  firstChild: number;
  childCount: number;
  state: 'unexpanded' | 'expanded' | 'terminal';
  /** Float32; 1 for the root. */
  prior: number;
  /** Values backed up through the node. */
  visits: number;
  /** Descents through it that no value has come back for. */
  virtualVisits: number;
  /** Mean and maximum of those values, each discounted; null without visits. */
  meanValue: number | null;
  maxValue: number | null;
}

/** What the ops on trees need of a batch and nobody else may touch. */
export interface TreeState {
  readonly storage: TreeStorage;
  /** The factors of a rule for every number of visits that a node of the batch can have now. */
  factors(rule: ExplorationRule): Float64Array;
  /** Powers of the discount for every height of a node above a leaf. */
  discounts(discount: number): Float64Array;
  /**
   * Lets every root have `visits` more.
   * @throws NativeError ERR_VLPRM_RANGE when one would have more than 2²²
   */
  admit(visits: number, where: string): void;
}

class State implements TreeState {
  readonly storage: TreeStorage;
  readonly #factors = new GrowingTable();
  readonly #discounts = new GrowingTable();
  /** No root has more visits than this, virtual ones included. */
  #visits: number;

  constructor(storage: TreeStorage) {
    this.storage = storage;
    this.#visits = mostVisits(storage);
  }

  factors(rule: ExplorationRule): Float64Array {
    return this.#factors.get(rule.key, this.#visits + 1, rule.factor);
  }

  discounts(discount: number): Float64Array {
    const power = (index: number, previous: number): number => (index === 0 ? 1 : previous * discount);
    return this.#discounts.get(`${discount}`, this.storage.stride, power);
  }

  recount(): void {
    this.#visits = mostVisits(refresh(this.storage));
  }

  admit(visits: number, where: string): void {
    if (this.#visits + visits > MOST_VISITS) this.recount();
    const most = this.#visits + visits;
    if (most > MOST_VISITS) {
      const what = `a root would have ${most} visits, sums are exact up to ${MOST_VISITS}`;
      throw new NativeError('ERR_VLPRM_RANGE', where, what, 'begin a new tree');
    }
    this.#visits = most;
  }
}

const PLACES = ['host', 'cuda'] as const;

let stateOf: (batch: TreeBatch) => TreeState;

/**
 * B search trees of up to M nodes each as structures of arrays, at most 40 bytes a node. Node 0 of a tree is its root; the children of
 * a node are consecutive and their numbers are above its own. `puctSelect`, `uctSelect`, `expandNodes` and `valueBackup` work on it
 * in place, and every backend leaves the same bits.
 */
export class TreeBatch {
  readonly #state: State;

  static {
    stateOf = (batch) => batch.#state;
  }

  /**
   * @param size trees in [1, 2²⁰]; capacity, nodes per tree, in [1, 2²⁴]; trees · capacity at most 2²⁶
   * @throws NativeError ERR_VLPRM_RANGE, ERR_VLPRM_TYPE, ERR_VLPRM_OOM
   */
  constructor(size: { trees: number; capacity: number }) {
    const given = fields(size, 'TreeBatch');
    const trees = integer(given.trees, 1, 2 ** 20, 'TreeBatch.trees');
    const capacity = integer(given.capacity, 1, Math.min(2 ** 24, Math.floor(2 ** 26 / trees)), 'TreeBatch.capacity');
    this.#state = new State(allocateTrees(trees, capacity));
  }

  get trees(): number {
    return this.#state.storage.trees;
  }

  get capacity(): number {
    return this.#state.storage.capacity;
  }

  /** Where the nodes lie, and so where ops on them compute: on the device, or on any backend. */
  get place(): 'host' | 'cuda' {
    return this.#state.storage.residence === null ? 'host' : 'cuda';
  }

  /**
   * Moves the nodes to the device, where they stay from wave to wave until they are moved back. Reading a node, a policy or JSON
   * copies them to host memory once per change.
   * @throws NativeError ERR_VLPRM_BACKEND_UNAVAILABLE, ERR_VLPRM_OOM, ERR_VLPRM_TYPE
   */
  moveTo(place: 'host' | 'cuda'): void {
    const { storage } = this.#state;
    if (oneOf(place, PLACES, 'TreeBatch.moveTo') === 'cuda') moveToDevice(storage);
    else moveToHost(storage);
  }

  /** Frees the memory of the device; a batch that was there is of no more use. */
  dispose(): void {
    this.#state.storage.residence?.buffer.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Bytes that the nodes take. */
  get bytes(): number {
    const { memory, held } = this.#state.storage;
    return memory.byteLength + held.byteLength;
  }

  /** Nodes that the tree has. */
  size(tree: number): number {
    return this.#state.storage.size[this.#tree(tree)] as number;
  }

  /** @throws NativeError ERR_VLPRM_RANGE for a tree or node that does not exist */
  node(tree: number, node: number): SearchNode {
    const storage = refresh(this.#state.storage);
    const at = this.#element(tree, node);
    const { edges, uplinks } = storage;
    const first = edges[EDGE * at + FIRST_CHILD] as number;
    const visits = edges[EDGE * at + VISITS] as number;
    return {
      parent: uplinks[UPLINK * at + PARENT] as number,
      firstChild: first > 0 ? first : -1,
      childCount: storage.childCount[at] as number,
      state: first === NOT_EXPANDED ? 'unexpanded' : first === TERMINAL ? 'terminal' : 'expanded',
      prior: storage.priors[EDGE * at + PRIOR] as number,
      visits,
      virtualVisits: edges[EDGE * at + VIRTUAL_VISITS] as number,
      meanValue: visits === 0 ? null : (storage.valueSum[at] as number) / visits,
      maxValue: visits === 0 ? null : (storage.maxima[UPLINK * at + VALUE_MAX] as number) * 2 ** -30 - 1,
    };
  }

  /** The nodes from the root to `node`, both included. */
  pathTo(tree: number, node: number): Int32Array {
    const base = this.#element(tree, node) - node;
    const { uplinks } = refresh(this.#state.storage);
    const path: number[] = [];
    for (let at = node; at >= 0; at = uplinks[UPLINK * (base + at) + PARENT] as number) path.push(at);
    return Int32Array.from(path.toReversed());
  }

  /** Makes a tree a root alone again. Leaves selected before are no leaves of it any more. */
  clear(tree: number): void {
    const { storage } = this.#state;
    clearTree(refresh(storage), this.#tree(tree));
    publish(storage);
  }

  /** Every tree without its virtual visits: those belong to evaluations in flight. */
  toJSON(): SearchTreeDocument {
    return writeTrees(refresh(this.#state.storage));
  }

  /**
   * A batch from what `toJSON` wrote.
   * @throws NativeError ERR_VLPRM_TYPE, ERR_VLPRM_RANGE, ERR_VLPRM_SHAPE with the place in the document
   */
  static fromJSON(document: SearchTreeDocument): TreeBatch {
    const given = fields(document, 'TreeBatch.fromJSON');
    const trees = Array.isArray(given.trees) ? given.trees.length : 0;
    const batch = new TreeBatch({ trees, capacity: given.capacity });
    readTrees(given, batch.#state.storage);
    batch.#state.recount();
    return batch;
  }

  #tree(tree: number): number {
    return integer(tree, 0, this.trees - 1, 'TreeBatch.tree');
  }

  #element(tree: number, node: number): number {
    const size = this.size(tree);
    return tree * this.#state.storage.stride + integer(node, 0, size - 1, 'TreeBatch.node');
  }
}

/** @throws NativeError ERR_VLPRM_TYPE when it is no TreeBatch */
export function treeState(batch: unknown, where: string): TreeState {
  if (batch instanceof TreeBatch) return stateOf(batch);
  throw new NativeError(
    'ERR_VLPRM_TYPE',
    where,
    'expected a TreeBatch',
    'make one with new TreeBatch({ trees, capacity })',
  );
}
