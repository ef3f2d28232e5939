import { describe, expect, test } from 'vitest';
import type { BackendName } from '../backends.ts';
import { describeBackends } from '../conformance/backends.ts';
import { Random } from '../conformance/random.ts';
import { TreeBatch } from '../trees/tree-batch.ts';
import { expandNodes } from './expandNodes.ts';
import { puctSelect } from './puctSelect.ts';
import { releaseLeaves, valueBackup } from './valueBackup.ts';

/** Trees of random shape, the same for the same seed. */
function randomTrees(seed: number, trees: number, capacity: number): TreeBatch {
  const random = new Random(seed);
  const batch = new TreeBatch({ trees, capacity });
  for (let round = 0; round < capacity; round += 1) {
    const leaves = Int32Array.from({ length: trees }, (_, tree) => random.integer(0, batch.size(tree) - 1));
    const childOffsets = new Int32Array(trees + 1);
    for (let tree = 0; tree < trees; tree += 1) {
      const children = Math.min(random.integer(1, 4), capacity - batch.size(tree));
      childOffsets[tree + 1] = (childOffsets[tree] as number) + children;
      if (children === 0) leaves[tree] = -1;
    }
    const priors = new Float32Array(childOffsets[trees] as number);
    expandNodes({ batch, leaves, childOffsets, priors }, { backend: 'js' });
  }
  return batch;
}

function randomEntries(
  seed: number,
  batch: TreeBatch,
  leavesPerTree: number,
): { leaves: Int32Array; values: Float64Array } {
  const random = new Random(seed);
  const length = batch.trees * leavesPerTree;
  const treeOf = (entry: number): number => Math.floor(entry / leavesPerTree);
  const leaves = Int32Array.from({ length }, (_, entry) =>
    random.uniform() < 0.1 ? -1 : random.integer(0, batch.size(treeOf(entry)) - 1),
  );
  return { leaves, values: Float64Array.from({ length }, () => 2 * random.uniform() - 1) };
}

function everyNode(batch: TreeBatch): unknown[] {
  return Array.from({ length: batch.trees }, (_, tree) =>
    Array.from({ length: batch.size(tree) }, (_, node) => batch.node(tree, node)),
  );
}

/** The batch after the values came back in the order given. */
function backedUp(
  seed: number,
  leavesPerTree: number,
  discount: number,
  order: Int32Array,
  backend: BackendName,
): unknown[] {
  const batch = randomTrees(seed, 4, 150);
  const { leaves, values } = randomEntries(seed, batch, leavesPerTree);
  const shuffled = { leaves: leaves.slice(), values: values.slice() };
  for (let tree = 0; tree < batch.trees; tree += 1) {
    order.forEach((from, to) => {
      shuffled.leaves[tree * leavesPerTree + to] = leaves[tree * leavesPerTree + from] as number;
      shuffled.values[tree * leavesPerTree + to] = values[tree * leavesPerTree + from] as number;
    });
  }
  valueBackup({ batch, ...shuffled, discount, selected: false }, { backend });
  return everyNode(batch);
}

const inOrder = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);

describeBackends('valueBackup', (backend) => {
  test.each([
    [1, 1],
    [1, 0.97],
    [7, 1],
    [64, 1],
    [64, 0.9],
  ])('%i leaves a tree, discount %f: the bits of js, whatever the order of the leaves', (leavesPerTree, discount) => {
    for (let seed = 0; seed < 15; seed += 1) {
      const expected = backedUp(seed, leavesPerTree, discount, inOrder(leavesPerTree), 'js');
      for (let order = 0; order < 3; order += 1) {
        const shuffle = new Random(seed + order).permutation(leavesPerTree);
        expect(backedUp(seed, leavesPerTree, discount, shuffle, backend)).toEqual(expected);
      }
    }
  });

  test('one wave of many leaves is as good as many waves of one', () => {
    const together = randomTrees(5, 1, 200);
    const apart = randomTrees(5, 1, 200);
    const { leaves, values } = randomEntries(9, together, 50);
    valueBackup({ batch: together, leaves, values, selected: false }, { backend });
    leaves.forEach((_, i) => {
      const entry = { leaves: leaves.slice(i, i + 1), values: values.slice(i, i + 1) };
      valueBackup({ batch: apart, ...entry, selected: false }, { backend });
    });
    expect(everyNode(together)).toEqual(everyNode(apart));
  });

  test('values are rounded to 2⁻³⁰ half to even after discounting, and sums are exact', () => {
    const batch = new TreeBatch({ trees: 1, capacity: 2 });
    const child = { leaves: Int32Array.of(0), childOffsets: Int32Array.of(0, 1), priors: Float32Array.of(1) };
    expandNodes({ batch, ...child }, { backend });
    const unit = 2 ** -30;
    const values = Float64Array.of(1.5 * unit, 2.5 * unit, -0.5 * unit, 0.5, -1);
    valueBackup({ batch, leaves: new Int32Array(5).fill(1), values, discount: 0.5, selected: false }, { backend });
    const leaf = batch.node(0, 1);
    const root = batch.node(0, 0);
    expect([leaf.visits, leaf.meanValue, leaf.maxValue]).toEqual([5, (4 * unit - 0.5) / 5, 0.5]);
    expect([root.visits, root.meanValue, root.maxValue]).toEqual([5, (2 * unit - 0.25) / 5, 0.25]);
  });

  test('a release takes the virtual visits back and leaves no value', () => {
    const batch = new TreeBatch({ trees: 2, capacity: 4 });
    const wave = puctSelect({ batch, leavesPerTree: 2 }, { backend });
    const values = new Float64Array(4).fill(1);
    valueBackup({ batch, leaves: Int32Array.of(0, -1, -1, 0), values }, { backend });
    releaseLeaves({ batch, leaves: Int32Array.of(-1, 0, 0, -1) }, { backend });
    expect([0, 1].map((tree) => batch.node(tree, 0))).toMatchObject(
      [0, 1].map(() => ({ visits: 1, virtualVisits: 0, meanValue: 1 })),
    );
    expect(() => releaseLeaves({ batch, ...wave }, { backend })).toThrow(
      expect.objectContaining({ code: 'ERR_VLPRM_PENDING', where: 'releaseLeaves.leaves[0]' }),
    );
  });

  test('a wave with one leaf too many is refused whole', () => {
    const batch = new TreeBatch({ trees: 1, capacity: 4 });
    puctSelect({ batch, leavesPerTree: 2 }, { backend });
    const attempt = (times: number) => () =>
      valueBackup({ batch, leaves: new Int32Array(times), values: new Float64Array(times) }, { backend });
    expect(attempt(3)).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_PENDING', where: 'valueBackup.leaves[2]' }));
    expect(batch.node(0, 0)).toMatchObject({ visits: 0, virtualVisits: 2 });
    expect(attempt(2)).not.toThrow();
  });
});

describe('the visits of a search', () => {
  test('a node has those of its children and those that ended there, and no virtual ones once all values are back', () => {
    const batch = new TreeBatch({ trees: 3, capacity: 400 });
    const random = new Random(3);
    const ended = Array.from({ length: 3 }, () => new Map<number, number>());
    for (let round = 0; round < 30; round += 1) {
      const wave = puctSelect({ batch, leavesPerTree: 3 });
      const childOffsets = Int32Array.from({ length: 10 }, (_, i) => 4 * i);
      expandNodes({ batch, ...wave, childOffsets, priors: new Float32Array(36).fill(0.25) });
      valueBackup({ batch, ...wave, values: Float64Array.from({ length: 9 }, () => random.uniform()) });
      wave.leaves.forEach((leaf, entry) => {
        const counts = ended[Math.floor(entry / 3)] as Map<number, number>;
        counts.set(leaf, (counts.get(leaf) ?? 0) + 1);
      });
    }
    ended.forEach((counts, tree) => {
      for (let index = 0; index < batch.size(tree); index += 1) {
        const { visits, virtualVisits, firstChild, childCount } = batch.node(tree, index);
        const children = Array.from({ length: childCount }, (_, i) => batch.node(tree, firstChild + i).visits);
        expect(visits).toBe(children.reduce((a, b) => a + b, 0) + (counts.get(index) ?? 0));
        expect(virtualVisits).toBe(0);
      }
    });
  });
});
