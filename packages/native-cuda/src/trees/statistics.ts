/** What a search found: policies and paths by visits. Virtual visits do not count. */
import { finite, integer } from '../validation.ts';
import { treeState, type TreeBatch } from './tree-batch.ts';
import { refresh } from './residence.ts';
import { EDGE, FIRST_CHILD, VISITS, type TreeStorage } from './storage.ts';

export interface VisitPolicy {
  /** [B + 1] which probabilities belong to which tree. */
  offsets: Int32Array;
  /** One for each child of each root; a tree's sum to 1. */
  probabilities: Float64Array;
}

interface Children {
  first: number;
  count: number;
}

/** Elements of the children of a node; none for a leaf. */
function childrenOf({ edges, childCount, stride }: TreeStorage, tree: number, node: number): Children {
  const at = tree * stride + node;
  const first = edges[EDGE * at + FIRST_CHILD] as number;
  return first > 0 ? { first: tree * stride + first, count: childCount[at] as number } : { first: 0, count: 0 };
}

function visitsOf({ edges }: TreeStorage, at: number): number {
  return edges[EDGE * at + VISITS] as number;
}

/** visits^(1/T), scaled so that the largest is 1; all 1 without visits. */
function weights(visits: Int32Array, temperature: number): Float64Array {
  const most = visits.reduce((a, b) => Math.max(a, b), 0);
  if (most === 0) return new Float64Array(visits.length).fill(1);
  if (temperature > 0) return Float64Array.from(visits, (count) => (count / most) ** (1 / temperature));
  const result = new Float64Array(visits.length);
  result[visits.indexOf(most)] = 1;
  return result;
}

/**
 * Root policy of every tree: child i with probability proportional to nᵢ^(1/T). T = 0 is the most visited child, the first of equal
 * ones; a root without visits below it gives equal probabilities.
 * @param temperature T in [0, 100]. Default 1.
 * @throws NativeError ERR_VLPRM_TYPE, ERR_VLPRM_RANGE
 */
export function visitPolicy(batch: TreeBatch, temperature = 1): VisitPolicy {
  const storage = refresh(treeState(batch, 'visitPolicy.batch').storage);
  finite(temperature, { minimum: 0, maximum: 100 }, 'visitPolicy.temperature');
  const roots = Array.from({ length: storage.trees }, (_, tree) => childrenOf(storage, tree, 0));
  const offsets = new Int32Array(storage.trees + 1);
  roots.forEach(({ count }, tree) => (offsets[tree + 1] = (offsets[tree] as number) + count));
  const probabilities = new Float64Array(offsets[storage.trees] as number);
  roots.forEach(({ first, count }, tree) => {
    const visits = Int32Array.from({ length: count }, (_, i) => visitsOf(storage, first + i));
    const each = weights(visits, temperature);
    const total = each.reduce((a, b) => a + b, 0);
    probabilities.set(
      each.map((weight) => weight / total),
      offsets[tree],
    );
  });
  return { offsets, probabilities };
}

function mostVisitedChild(storage: TreeStorage, tree: number, node: number): number {
  const { valueSum, stride } = storage;
  const { first, count } = childrenOf(storage, tree, node);
  let best = -1;
  for (let at = first; at < first + count; at += 1) {
    const difference = visitsOf(storage, at) - (best < 0 ? 0 : visitsOf(storage, best));
    if (difference > 0 || (difference === 0 && best >= 0 && (valueSum[at] as number) > (valueSum[best] as number)))
      best = at;
  }
  return best < 0 ? -1 : best - tree * stride;
}

/**
 * The most visited child of a node, of equally visited ones the one of higher mean value, then the first; -1 when none was visited.
 * @throws NativeError ERR_VLPRM_TYPE, ERR_VLPRM_RANGE for a tree or node that does not exist
 */
export function bestChild(batch: TreeBatch, tree: number, node = 0): number {
  const storage = refresh(treeState(batch, 'bestChild.batch').storage);
  integer(node, 0, batch.size(tree) - 1, 'bestChild.node');
  return mostVisitedChild(storage, tree, node);
}

/** The nodes from the root down along `bestChild`. */
export function principalVariation(batch: TreeBatch, tree: number): Int32Array {
  const storage = refresh(treeState(batch, 'principalVariation.batch').storage);
  batch.size(tree);
  const path: number[] = [];
  for (let node = 0; node >= 0; node = mostVisitedChild(storage, tree, node)) path.push(node);
  return Int32Array.from(path);
}
