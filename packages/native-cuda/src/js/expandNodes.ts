import type { ExpandNodesPlan } from '../ops/expandNodes.ts';
import { EDGE, FIRST_CHILD, NOT_EXPANDED, PARENT, PRIOR, TERMINAL, UPLINK } from '../trees/storage.ts';
import { treeOf } from '../trees/wave.ts';

/** The first of the new nodes, or -1. */
function expand(plan: ExpandNodesPlan, tree: number, leaf: number, begin: number, count: number): number {
  const { edges, priors, uplinks, childCount, size, stride } = plan.wave.storage;
  const base = tree * stride;
  const edge = EDGE * (base + leaf);
  if (edges[edge + FIRST_CHILD] !== NOT_EXPANDED) return -1;
  if (count === 0) {
    edges[edge + FIRST_CHILD] = TERMINAL;
    return -1;
  }
  const first = size[tree] as number;
  for (let child = 0; child < count; child += 1) {
    uplinks[UPLINK * (base + first + child) + PARENT] = leaf;
    priors[EDGE * (base + first + child) + PRIOR] = plan.priors[begin + child] as number;
  }
  edges[edge + FIRST_CHILD] = first;
  childCount[base + leaf] = count;
  size[tree] = first + count;
  return first;
}

export function expandNodes(plan: ExpandNodesPlan): void {
  const { wave, childOffsets, firstChildren } = plan;
  for (let entry = 0; entry < wave.leaves.length; entry += 1) {
    const leaf = wave.leaves[entry] as number;
    const tree = treeOf(wave, Math.floor(entry / wave.leavesPerTree));
    const begin = childOffsets[entry] as number;
    firstChildren[entry] = leaf < 0 ? -1 : expand(plan, tree, leaf, begin, (childOffsets[entry + 1] as number) - begin);
  }
}
