/** Searches recorded by mctx and by NumPy (golden/make_trees.py), repeated on every backend. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { BackendName } from '../backends.ts';
import { describeBackends } from '../conformance/backends.ts';
import { expandNodes } from '../ops/expandNodes.ts';
import { puctSelect, uctSelect, type NodeValue, type SelectOutput } from '../ops/puctSelect.ts';
import { valueBackup } from '../ops/valueBackup.ts';
import { TreeBatch } from './tree-batch.ts';

interface GoldenTree {
  name: string;
  source: 'mctx' | 'numpy';
  rules: {
    kind: 'puct' | 'uct';
    c: number | null;
    nodeValue: NodeValue;
    virtualValue: number;
    firstPlay: number | { belowParent: number };
  };
  discount: number;
  leavesPerTree: number;
  /** Of the i-th evaluated leaf: priors, value, node, and how far the best score was ahead on its path. */
  priors: number[][];
  values: number[];
  leaves: number[];
  margins: number[];
  /** Of the nodes, in the end. */
  visits: number[];
  means: (number | null)[];
  maxima: (number | null)[];
}

const CLEAR = 1e-5;
const { trees } = JSON.parse(readFileSync(new URL('../../golden/trees.json', import.meta.url), 'utf8')) as {
  trees: GoldenTree[];
};

function select(batch: TreeBatch, golden: GoldenTree, leavesPerTree: number, backend: BackendName): SelectOutput {
  const { kind, c, nodeValue, virtualValue, firstPlay } = golden.rules;
  const common = { batch, leavesPerTree, nodeValue, virtualValue, ...(c === null ? {} : { c }) };
  return kind === 'uct' ? uctSelect(common, { backend }) : puctSelect({ ...common, firstPlay }, { backend });
}

/** Searches as recorded; stops early, and says so, when a choice was too close for float32 to tell. */
function search(golden: GoldenTree, backend: BackendName): { batch: TreeBatch; whole: boolean } {
  const { priors, values, leaves, margins, discount } = golden;
  const actions = priors[0]?.length ?? 0;
  const batch = new TreeBatch({ trees: 1, capacity: 1 + actions * leaves.length });
  for (let begin = 0; begin < leaves.length;) {
    const end = begin + (begin === 0 ? 1 : golden.leavesPerTree);
    if (margins.slice(begin, end).some((margin) => margin <= CLEAR)) return { batch, whole: false };
    const wave = select(batch, golden, end - begin, backend);
    expect([...wave.leaves]).toEqual(leaves.slice(begin, end));
    const childOffsets = Int32Array.from({ length: end - begin + 1 }, (_, i) => i * actions);
    expandNodes(
      { batch, ...wave, childOffsets, priors: Float32Array.from(priors.slice(begin, end).flat()) },
      { backend },
    );
    valueBackup({ batch, ...wave, values: Float64Array.from(values.slice(begin, end)), discount }, { backend });
    begin = end;
  }
  return { batch, whole: true };
}

test('the trees differ, and almost every choice is clear', () => {
  expect(new Set(trees.map(({ leaves }) => leaves.join()))).toHaveProperty('size', trees.length);
  expect(new Set(trees.map(({ source }) => source)).size).toBe(2);
  const margins = trees.flatMap((tree) => tree.margins);
  expect(margins.filter((margin) => margin > CLEAR).length).toBeGreaterThan(0.99 * margins.length);
});

describeBackends('puctSelect', (backend) => {
  test.each(trees)('$source, $name', (golden) => {
    const { batch, whole } = search(golden, backend);
    if (!whole) return;
    const nodes = Array.from({ length: batch.size(0) }, (_, node) => batch.node(0, node));
    expect(nodes.map(({ visits }) => visits)).toEqual(golden.visits);
    nodes.forEach(({ meanValue, maxValue }, node) => {
      expect(Math.abs((meanValue ?? 0) - (golden.means[node] ?? 0))).toBeLessThanOrEqual(1e-5);
      expect(Math.abs((maxValue ?? 0) - (golden.maxima[node] ?? 0))).toBeLessThanOrEqual(1e-5);
    });
  });
});
