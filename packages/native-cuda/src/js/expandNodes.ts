import type { ExpandNodesPlan } from '../ops/expandNodes.ts';
import { NOT_EXPANDED, TERMINAL } from '../trees/storage.ts';
import { treeOf } from '../trees/wave.ts';

/** The first of the new nodes, or -1. */
function expand(plan: ExpandNodesPlan, tree: number, leaf: number, begin: number, count: number): number {
  const { firstChild, childCount, parent, prior, size, stride } = plan.wave.storage;
  const base = tree * stride;
  if (firstChild[base + leaf] !== NOT_EXPANDED) return -1;
  if (count === 0) {
    firstChild[base + leaf] = TERMINAL;
    return -1;
  }
  const first = size[tree] as number;
  for (let child = 0; child < count; child += 1) {
    parent[base + first + child] = leaf;
    prior[base + first + child] = plan.priors[begin + child] as number;
  }
  firstChild[base + leaf] = first;
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
