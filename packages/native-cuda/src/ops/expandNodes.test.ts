import { expect, test } from 'vitest';
import { describeBackends } from '../conformance/backends.ts';
import { TreeBatch } from '../trees/tree-batch.ts';
import { expandNodes } from './expandNodes.ts';
import { puctSelect } from './puctSelect.ts';

/** Searches whose every expansion is compared with the definition are in puctSelect.test.ts. */
describeBackends('expandNodes', (backend) => {
  test('children are consecutive and know parent and prior', () => {
    const batch = new TreeBatch({ trees: 2, capacity: 8 });
    const priors = Float32Array.of(0.75, 0.25, 1);
    const leaves = Int32Array.of(0, 0);
    const first = expandNodes({ batch, leaves, childOffsets: Int32Array.of(0, 2, 3), priors }, { backend });
    expect([...first]).toEqual([1, 1]);
    expect([batch.size(0), batch.size(1)]).toEqual([3, 2]);
    expect(batch.node(0, 0)).toMatchObject({ firstChild: 1, childCount: 2, state: 'expanded' });
    expect(batch.node(0, 2)).toMatchObject({ parent: 0, prior: 0.25, state: 'unexpanded' });
  });

  test('of a leaf listed twice the first entry counts; no children make it terminal, for good', () => {
    const batch = new TreeBatch({ trees: 1, capacity: 8 });
    const { leaves } = puctSelect({ batch, leavesPerTree: 3 }, { backend });
    const offsets = Int32Array.of(0, 2, 5, 5);
    const priors = new Float32Array(5).fill(0.2);
    expect([...expandNodes({ batch, leaves, childOffsets: offsets, priors }, { backend })]).toEqual([1, -1, -1]);
    const entries = { leaves: Int32Array.of(2, 2, -1), childOffsets: Int32Array.of(0, 0, 3, 4) };
    const again = expandNodes({ batch, ...entries, priors: new Float32Array(4) }, { backend });
    expect([...again]).toEqual([-1, -1, -1]);
    expect(batch.size(0)).toBe(3);
    expect(batch.node(0, 2).state).toBe('terminal');
  });

  test('a tree without room is refused before any tree changes; a duplicate needs no room', () => {
    const batch = new TreeBatch({ trees: 2, capacity: 4 });
    const leaves = Int32Array.of(0, 0, 0, 0);
    const expand = (offsets: number[]): Int32Array => {
      const priors = new Float32Array(offsets.at(-1) as number);
      return expandNodes({ batch, leaves, childOffsets: Int32Array.from(offsets), priors }, { backend });
    };
    expect(() => expand([0, 2, 4, 8, 8])).toThrow(
      expect.objectContaining({ code: 'ERR_VLPRM_CAPACITY', where: 'expandNodes.childOffsets[4]' }),
    );
    expect([batch.size(0), batch.size(1)]).toEqual([1, 1]);
    expect([...expand([0, 3, 6, 9, 12])]).toEqual([1, -1, 1, -1]);
  });
});
