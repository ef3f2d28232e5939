import { describe, expect, test } from 'vitest';
import { backends } from '../backends.ts';
import { Random } from '../conformance/random.ts';
import { RandomSearch } from '../conformance/trees.ts';
import { memoryUsage } from '../device-buffer.ts';
import { NativeError } from '../errors.ts';
import { expandNodes } from '../ops/expandNodes.ts';
import { puctSelect } from '../ops/puctSelect.ts';
import { releaseLeaves, valueBackup } from '../ops/valueBackup.ts';
import type { SearchTreeDocument } from './document.ts';
import { bestChild, principalVariation, visitPolicy } from './statistics.ts';
import { TreeBatch } from './tree-batch.ts';

/** A root whose children were visited 1, 3 and 3 times, the third with the higher value; the third has one child. */
function searched(): TreeBatch {
  const batch = new TreeBatch({ trees: 1, capacity: 8 });
  const expand = (leaf: number, count: number): void => {
    const priors = new Float32Array(count).fill(1 / count);
    expandNodes({ batch, leaves: Int32Array.of(leaf), childOffsets: Int32Array.of(0, count), priors });
  };
  expand(0, 3);
  expand(3, 1);
  const leaves = Int32Array.of(1, 2, 2, 2, 3, 3, 4);
  valueBackup({ batch, leaves, values: Float64Array.of(1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), selected: false });
  return batch;
}

describe('memory', () => {
  test.each([
    [1024, 1025],
    [4096, 512],
    [64, 256],
    [8, 4096],
  ])('%i trees of %i nodes take at most 40 bytes a node', (trees, capacity) => {
    expect(new TreeBatch({ trees, capacity }).bytes).toBeLessThanOrEqual(40 * trees * capacity);
  });

  test.each([
    [{ trees: 0, capacity: 1 }, 'ERR_VLPRM_RANGE', 'TreeBatch.trees'],
    [{ trees: 1.5, capacity: 1 }, 'ERR_VLPRM_RANGE', 'TreeBatch.trees'],
    [{ trees: 2 ** 20, capacity: 65 }, 'ERR_VLPRM_RANGE', 'TreeBatch.capacity'],
    [{ trees: 2 }, 'ERR_VLPRM_TYPE', 'TreeBatch.capacity'],
    [null, 'ERR_VLPRM_TYPE', 'TreeBatch'],
  ])('%j is refused', (size, code, where) => {
    expect(() => new TreeBatch(size as { trees: number; capacity: number })).toThrow(
      expect.objectContaining({ code, where }),
    );
  });
});

describe('statistics', () => {
  test('policies are visits to the power of 1/T', () => {
    const batch = searched();
    expect([...visitPolicy(batch).offsets]).toEqual([0, 3]);
    expect([...visitPolicy(batch).probabilities]).toEqual(
      [1, 3, 3].map((count) => expect.closeTo(count / 7, 12) as number),
    );
    expect([...visitPolicy(batch, 0).probabilities]).toEqual([0, 1, 0]);
    const squares = [1, 9, 9].map((square) => expect.closeTo(square / 19, 12) as number);
    expect([...visitPolicy(batch, 0.5).probabilities]).toEqual(squares);
  });

  test('the best child is the most visited, then the better one', () => {
    const batch = searched();
    expect(bestChild(batch, 0)).toBe(3);
    expect(bestChild(batch, 0, 1)).toBe(-1);
    expect([...principalVariation(batch, 0)]).toEqual([0, 3, 4]);
    expect([...batch.pathTo(0, 4)]).toEqual([0, 3, 4]);
  });

  test('a root alone has no policy and no variation, unvisited children share the policy', () => {
    const batch = new TreeBatch({ trees: 2, capacity: 3 });
    const priors = Float32Array.of(0.9, 0.1);
    expandNodes({
      batch,
      trees: Int32Array.of(1),
      leaves: Int32Array.of(0),
      childOffsets: Int32Array.of(0, 2),
      priors,
    });
    expect(visitPolicy(batch)).toEqual({ offsets: Int32Array.of(0, 0, 2), probabilities: Float64Array.of(0.5, 0.5) });
    expect([...principalVariation(batch, 0)]).toEqual([0]);
  });

  test('a tree or node that does not exist is refused', () => {
    const batch = searched();
    const range = expect.objectContaining({ code: 'ERR_VLPRM_RANGE' }) as Error;
    expect(() => batch.node(1, 0)).toThrow(range);
    expect(() => batch.node(0, 5)).toThrow(range);
    expect(() => bestChild(batch, 0, -1)).toThrow(range);
    expect(() => principalVariation(batch, 2)).toThrow(range);
    expect(() => visitPolicy(batch, NaN)).toThrow(range);
    expect(() => visitPolicy(null as unknown as TreeBatch)).toThrow(
      expect.objectContaining({ code: 'ERR_VLPRM_TYPE' }),
    );
  });

  test('a cleared tree is a root alone', () => {
    const batch = searched();
    batch.clear(0);
    expect(batch.toJSON()).toEqual(new TreeBatch({ trees: 1, capacity: 8 }).toJSON());
  });
});

describe('vlprm.search-tree/1', () => {
  test('random searches go on after a round trip as if nothing had happened', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const search = new RandomSearch(new Random(seed), 'js');
      for (let wave = 0; wave < 6; wave += 1) {
        const { selected } = search.select();
        search.expand(selected);
        search.backUp(selected);
      }
      const document = JSON.stringify(search.batch);
      const read = TreeBatch.fromJSON(JSON.parse(document) as SearchTreeDocument);
      expect(JSON.stringify(read)).toBe(document);
      expect(puctSelect({ batch: read, leavesPerTree: 4 })).toEqual(
        puctSelect({ batch: search.batch, leavesPerTree: 4 }),
      );
    }
  });

  const changed = (change: (tree: Record<string, unknown[]>) => void) => (): TreeBatch => {
    const document = JSON.parse(JSON.stringify(searched())) as SearchTreeDocument;
    change(document.trees[0] as unknown as Record<string, unknown[]>);
    return TreeBatch.fromJSON(document);
  };
  const put = (name: string, index: number, value: unknown) => (tree: Record<string, unknown[]>) => {
    (tree[name] as unknown[])[index] = value;
  };

  test.each([
    ['parent', 0, 0],
    ['parent', 3, 3],
    ['parent', 2, 1],
    ['parent', 1, 'root'],
    ['prior', 1, 2],
    ['visits', 0, -1],
    ['visits', 0, 6],
    ['visits', 0, 2 ** 23],
    ['valueSum', 1, 0.1],
    ['valueSum', 1, 2],
    ['valueMax', 1, null],
    ['valueMax', 1, NaN],
    ['terminal', 0, 0],
    ['terminal', 0, 5],
    ['visits', 5, 0],
  ])('%s[%i] = %j is refused', (name, index, value) => {
    expect(changed(put(name, index, value))).toThrow(NativeError);
  });

  test('what is no document is refused', () => {
    const documents: unknown[] = [
      null,
      {},
      { schema: 'vlprm.search-tree/2', capacity: 4, trees: [] },
      { capacity: 4, trees: [null] },
    ];
    documents.push({ schema: 'vlprm.search-tree/1', capacity: 4, trees: [{}] });
    for (const document of documents) {
      expect(() => TreeBatch.fromJSON(document as SearchTreeDocument)).toThrow(NativeError);
    }
    expect(changed(() => undefined)).not.toThrow();
  });
});

describe('trees on the device', () => {
  const missing = backends().find(({ name }) => name === 'cuda')?.reason ?? null;
  const onDevice = missing === null ? test : test.skip;

  /** Twenty waves of three leaves in four trees; evaluations that fail now and then. */
  function search(batch: TreeBatch): TreeBatch {
    const random = new Random(7);
    for (let wave = 0; wave < 20; wave += 1) {
      const selected = puctSelect({ batch, leavesPerTree: 3, childrenPerLeaf: 3 });
      const { length } = selected.leaves;
      const childOffsets = Int32Array.from({ length: length + 1 }, (_, entry) => 3 * entry);
      const priors = Float32Array.from({ length: 3 * length }, () => random.uniform());
      const values = Float64Array.from({ length }, () => random.uniform());
      if (wave % 5 === 4) {
        releaseLeaves({ batch, ...selected });
        continue;
      }
      expandNodes({ batch, ...selected, childOffsets, priors });
      valueBackup({ batch, ...selected, values, discount: 0.9 });
    }
    return batch;
  }

  onDevice(
    `stay there from wave to wave with the bits of host memory${missing === null ? '' : ` (${missing})`}`,
    () => {
      const size = { trees: 4, capacity: 100 };
      const expected = search(new TreeBatch(size));
      using batch = new TreeBatch(size);
      batch.moveTo('cuda');
      expect(batch.place).toBe('cuda');
      search(batch);
      expect(batch.toJSON()).toEqual(expected.toJSON());
      expect(batch.size(2)).toBe(expected.size(2));
      expect(visitPolicy(batch)).toEqual(visitPolicy(expected));
      batch.clear(1);
      expected.clear(1);
      batch.moveTo('host');
      expect(batch.place).toBe('host');
      expect(search(batch).toJSON()).toEqual(search(expected).toJSON());
    },
  );

  onDevice('compute there or nowhere, and are gone when disposed', () => {
    const batch = new TreeBatch({ trees: 1, capacity: 8 });
    batch.moveTo('cuda');
    expect(() => puctSelect({ batch }, { backend: 'js' })).toThrow(
      expect.objectContaining({ code: 'ERR_VLPRM_PLACE' }),
    );
    batch.dispose();
    expect(() => puctSelect({ batch })).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_DISPOSED' }));
    expect(memoryUsage().buffers).toBe(0);
  });
});
