import { describe, expect, test } from 'vitest';
import { describeBackends } from '../conformance/backends.ts';
import { Random } from '../conformance/random.ts';
import { RandomSearch } from '../conformance/trees.ts';
import { TreeBatch } from '../trees/tree-batch.ts';
import { expandNodes } from './expandNodes.ts';
import { puctSelect, uctSelect } from './puctSelect.ts';
import { valueBackup } from './valueBackup.ts';

/** A root of three children with priors 0.5, 0.3, 0.2 and one visit of value 0. */
function planted(): TreeBatch {
  const batch = new TreeBatch({ trees: 1, capacity: 64 });
  const wave = puctSelect({ batch }, { backend: 'js' });
  const priors = Float32Array.of(0.5, 0.3, 0.2);
  expandNodes({ batch, ...wave, childOffsets: Int32Array.of(0, 3), priors }, { backend: 'js' });
  valueBackup({ batch, ...wave, values: new Float64Array(1) }, { backend: 'js' });
  return batch;
}

describeBackends('puctSelect', (backend) => {
  test('300 random searches go where the definition goes and leave the nodes that it leaves', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const search = new RandomSearch(new Random(seed), backend);
      for (let wave = 0; wave < 8; wave += 1) {
        const { selected, defined } = search.select();
        expect([...selected.leaves]).toEqual(defined.leaves);
        expect([...selected.depths]).toEqual(defined.depths);
        const expanded = search.expand(selected);
        expect(expanded.firstChildren).toEqual(expanded.defined);
        search.backUp(selected);
      }
      const nodes = search.nodes();
      expect(nodes.batch).toEqual(nodes.defined);
    }
  });

  test('the first descent follows the prior; virtual visits send the next ones elsewhere', () => {
    const { leaves, depths } = puctSelect({ batch: planted(), leavesPerTree: 4, c: 1 }, { backend });
    expect([...leaves]).toEqual([1, 2, 1, 3]);
    expect([...depths]).toEqual([1, 1, 1, 1]);
  });

  test('equal scores go to the first child', () => {
    const batch = new TreeBatch({ trees: 1, capacity: 8 });
    const wave = puctSelect({ batch }, { backend });
    expandNodes(
      { batch, ...wave, childOffsets: Int32Array.of(0, 5), priors: new Float32Array(5).fill(0.2) },
      { backend },
    );
    valueBackup({ batch, ...wave, values: Float64Array.of(0.5) }, { backend });
    expect([...puctSelect({ batch, leavesPerTree: 7 }, { backend }).leaves]).toEqual([1, 2, 3, 4, 5, 1, 2]);
  });

  test('UCT tries every child in order before any twice', () => {
    expect([...uctSelect({ batch: planted(), leavesPerTree: 4 }, { backend }).leaves]).toEqual([1, 2, 3, 1]);
  });

  test('firstPlay below the parent keeps to a good child longer than an optimistic one', () => {
    const visited = (firstPlay: number | { belowParent: number }): number => {
      const batch = planted();
      const wave = puctSelect({ batch, c: 0.1 }, { backend });
      valueBackup({ batch, ...wave, values: Float64Array.of(0.4) }, { backend });
      return puctSelect({ batch, c: 0.1, firstPlay }, { backend }).leaves[0] as number;
    };
    expect(visited({ belowParent: 0.3 })).toBe(1);
    expect(visited(0.9)).toBe(2);
  });

  test('a terminal leaf is returned again, a full tree is passed over when children are to come', () => {
    const batch = new TreeBatch({ trees: 2, capacity: 4 });
    const wave = puctSelect({ batch }, { backend });
    const priors = Float32Array.of(0.5, 0.3, 0.2);
    expandNodes({ batch, ...wave, childOffsets: Int32Array.of(0, 3, 3), priors }, { backend });
    valueBackup({ batch, ...wave, values: Float64Array.of(0, 0) }, { backend });
    const next = puctSelect({ batch, leavesPerTree: 2, childrenPerLeaf: 2 }, { backend });
    expect([...next.leaves]).toEqual([-1, -1, 0, -1]);
    expect([...next.depths]).toEqual([-1, -1, 0, -1]);
    expect(batch.node(0, 0).virtualVisits).toBe(0);
    expect([...puctSelect({ batch }, { backend }).leaves]).toEqual([1, 0]);
  });

  test('trees that are not listed stay as they are', () => {
    const batch = new TreeBatch({ trees: 3, capacity: 4 });
    const { leaves } = puctSelect({ batch, trees: Int32Array.of(0, 2) }, { backend });
    expect([...leaves]).toEqual([0, 0]);
    expect([0, 1, 2].map((tree) => batch.node(tree, 0).virtualVisits)).toEqual([1, 0, 1]);
  });

  test('no trees is no error', () => {
    expect(puctSelect({ batch: planted(), trees: new Int32Array(0) }, { backend }).leaves).toHaveLength(0);
  });
});

describe('the limit of visits', () => {
  test('a root may have 2²² visits and not one more', () => {
    const batch = new TreeBatch({ trees: 2, capacity: 1 });
    for (let i = 0; i < 2 ** 6; i += 1) puctSelect({ batch, leavesPerTree: 2 ** 16, trees: Int32Array.of(1) });
    expect(batch.node(1, 0).virtualVisits).toBe(2 ** 22);
    expect(() => puctSelect({ batch })).toThrow(
      expect.objectContaining({ code: 'ERR_VLPRM_RANGE', where: 'puctSelect.leavesPerTree' }),
    );
    batch.clear(1);
    expect(() => puctSelect({ batch })).not.toThrow();
  });
});
