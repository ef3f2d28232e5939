import type { PuctSelectPlan } from '../ops/puctSelect.ts';
import { EDGE, FIRST_CHILD, PRIOR, UPLINK, VALUE_MAX, VIRTUAL_VISITS, VISITS } from '../trees/storage.ts';
import { treeOf } from '../trees/wave.ts';

/** The largest value backed up, once per real visit. */
function maxSum(units: number, visits: number): number {
  return (units * 2 ** -30 - 1) * visits;
}

/** The value of a node with its virtual visits; 0 without any visits. */
function nodeValue(plan: PuctSelectPlan, at: number): number {
  const { edges, valueSum, maxima } = plan.wave.storage;
  const real = edges[EDGE * at + VISITS] as number;
  const pending = edges[EDGE * at + VIRTUAL_VISITS] as number;
  if (real + pending === 0) return 0;
  const mean = plan.nodeValue === 'mean';
  const sum = mean ? (valueSum[at] as number) : maxSum(maxima[UPLINK * at + VALUE_MAX] as number, real);
  return (sum + pending * plan.virtualValue) / (real + pending);
}

/** The child of node `parent`, in [0, count), whose score is the largest; the first of equal ones. */
function bestChild(plan: PuctSelectPlan, parent: number, first: number, count: number): number {
  const { edges, priors, valueSum, maxima } = plan.wave.storage;
  const { virtualValue } = plan;
  const uct = plan.exploration === 'uct';
  const mean = plan.nodeValue === 'mean';
  const above = (edges[EDGE * parent + VISITS] as number) + (edges[EDGE * parent + VIRTUAL_VISITS] as number);
  const factor = plan.factor[above] as number;
  const firstPlay = plan.belowParent ? nodeValue(plan, parent) - plan.firstPlay : plan.firstPlay;
  let best = 0;
  let bestScore = -Infinity;
  for (let child = 0; child < count; child += 1) {
    const at = first + child;
    const real = edges[EDGE * at + VISITS] as number;
    const pending = edges[EDGE * at + VIRTUAL_VISITS] as number;
    const total = real + pending;
    const sum = mean ? (valueSum[at] as number) : maxSum(maxima[UPLINK * at + VALUE_MAX] as number, real);
    const value = (sum + pending * virtualValue) / total;
    let score: number;
    if (uct) score = total === 0 ? Infinity : value + Math.sqrt(factor / total);
    else score = (total === 0 ? firstPlay : value) + ((priors[EDGE * at + PRIOR] as number) * factor) / (total + 1);
    if (score > bestScore) {
      bestScore = score;
      best = child;
    }
  }
  return best;
}

function descend(plan: PuctSelectPlan, base: number, entry: number): void {
  const { edges, childCount } = plan.wave.storage;
  let node = 0;
  let depth = 0;
  for (;;) {
    const at = base + node;
    const edge = EDGE * at;
    const first = edges[edge + FIRST_CHILD] as number;
    if (first > 0) node = first + bestChild(plan, at, base + first, childCount[at] as number);
    edges[edge + VIRTUAL_VISITS] = (edges[edge + VIRTUAL_VISITS] as number) + 1;
    if (first <= 0) {
      plan.wave.leaves[entry] = node;
      plan.depths[entry] = depth;
      return;
    }
    depth += 1;
  }
}

/** The definition. Only + - * / √ in a fixed order, so that every backend rounds alike. */
export function puctSelect(plan: PuctSelectPlan): void {
  const { storage, count, leavesPerTree, leaves } = plan.wave;
  const { size, stride, capacity } = storage;
  for (let index = 0; index < count; index += 1) {
    const tree = treeOf(plan.wave, index);
    for (let leaf = 0; leaf < leavesPerTree; leaf += 1) {
      const entry = index * leavesPerTree + leaf;
      if ((size[tree] as number) + (leaf + 1) * plan.childrenPerLeaf <= capacity) {
        descend(plan, tree * stride, entry);
      } else {
        leaves[entry] = -1;
        plan.depths[entry] = -1;
      }
    }
  }
}
