import type { ValueBackupPlan } from '../ops/valueBackup.ts';
import { EDGE, PARENT, UPLINK, VALUE_MAX, VIRTUAL_VISITS, VISITS } from '../trees/storage.ts';
import { treeOf } from '../trees/wave.ts';

/** Adding it makes the last bit of a float64 worth 2⁻³⁰. */
const MAGIC = 1.5 * 2 ** 22;

/** The nearest multiple of 2⁻³⁰, half to even. */
function onGrid(value: number): number {
  return value + MAGIC - MAGIC;
}

function backUp(plan: ValueBackupPlan, base: number, leaf: number, value: number): void {
  const { edges, uplinks, maxima, valueSum } = plan.wave.storage;
  const { discounts } = plan;
  const pending = plan.selected ? 1 : 0;
  let height = 0;
  for (let node = leaf; node >= 0; node = uplinks[UPLINK * (base + node) + PARENT] as number) {
    const at = base + node;
    const edge = EDGE * at;
    const max = UPLINK * at + VALUE_MAX;
    const rounded = onGrid(discounts === null ? value : value * (discounts[height] as number));
    const units = (rounded + 1) * 2 ** 30;
    edges[edge + VISITS] = (edges[edge + VISITS] as number) + 1;
    edges[edge + VIRTUAL_VISITS] = (edges[edge + VIRTUAL_VISITS] as number) - pending;
    valueSum[at] = (valueSum[at] as number) + rounded;
    if (units > (maxima[max] as number)) maxima[max] = units;
    height += 1;
  }
}

function release({ wave }: ValueBackupPlan, base: number, leaf: number): void {
  const { edges, uplinks } = wave.storage;
  for (let node = leaf; node >= 0; node = uplinks[UPLINK * (base + node) + PARENT] as number) {
    const pending = EDGE * (base + node) + VIRTUAL_VISITS;
    edges[pending] = (edges[pending] as number) - 1;
  }
}

/** The definition: leaf by leaf, node by node. */
export function valueBackup(plan: ValueBackupPlan): void {
  const { leaves, leavesPerTree, storage } = plan.wave;
  for (let entry = 0; entry < leaves.length; entry += 1) {
    const leaf = leaves[entry] as number;
    if (leaf < 0) continue;
    const base = treeOf(plan.wave, Math.floor(entry / leavesPerTree)) * storage.stride;
    if (plan.values === null) release(plan, base, leaf);
    else backUp(plan, base, leaf, plan.values[entry] as number);
  }
}
