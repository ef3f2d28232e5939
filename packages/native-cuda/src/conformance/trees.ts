/** Search trees from their definition: node objects, values kept one by one in integers, every rule as its paper prints it. */
import { expandNodes } from '../ops/expandNodes.ts';
import { puctSelect, uctSelect, type NodeValue, type PuctSelectInput, type SelectOutput } from '../ops/puctSelect.ts';
import { releaseLeaves, valueBackup } from '../ops/valueBackup.ts';
import { TreeBatch, type SearchNode } from '../trees/tree-batch.ts';
import type { BackendName } from '../backends.ts';
import type { Random } from './random.ts';

const UNITS = 2 ** 30;

/** Half to even, by comparing the remainder with a half: `value · 2³⁰` and its fraction are exact. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

interface DefinedNode {
  parent: number;
  prior: number;
  children: number[] | null;
  /** Backed-up values in units of 2⁻³⁰. */
  values: number[];
  pending: number;
}

export interface SelectionRules {
  rule: { kind: 'puct'; rate: (visits: number) => number } | { kind: 'uct'; c: number };
  nodeValue: NodeValue;
  virtualValue: number;
  firstPlay: number | { belowParent: number };
  childrenPerLeaf: number;
}

export class DefinedTree {
  readonly nodes: DefinedNode[] = [{ parent: -1, prior: 1, children: null, values: [], pending: 0 }];

  #value({ values, pending }: DefinedNode, rules: SelectionRules): number {
    const visits = values.length;
    const real =
      rules.nodeValue === 'mean'
        ? values.reduce((a, b) => a + b, 0) / UNITS
        : (visits === 0 ? 0 : values.reduce((a, b) => Math.max(a, b)) / UNITS) * visits;
    return (real + pending * rules.virtualValue) / (visits + pending);
  }

  #score(parent: DefinedNode, child: DefinedNode, rules: SelectionRules): number {
    const { rule, firstPlay } = rules;
    const above = parent.values.length + parent.pending;
    const n = child.values.length + child.pending;
    if (rule.kind === 'uct') {
      const bonus = Math.sqrt((rule.c * rule.c * Math.log(Math.max(above, 1))) / n);
      return n === 0 ? Infinity : this.#value(child, rules) + bonus;
    }
    const first =
      typeof firstPlay === 'number'
        ? firstPlay
        : (above === 0 ? 0 : this.#value(parent, rules)) - firstPlay.belowParent;
    return (
      (n === 0 ? first : this.#value(child, rules)) + (child.prior * (rule.rate(above) * Math.sqrt(above))) / (1 + n)
    );
  }

  #path(leaf: number): number[] {
    return leaf < 0 ? [] : [leaf, ...this.#path((this.nodes[leaf] as DefinedNode).parent)];
  }

  /** Leaf and depth of one descent. */
  select(rules: SelectionRules): [leaf: number, depth: number] {
    const path = [0];
    for (;;) {
      const node = this.nodes[path.at(-1) as number] as DefinedNode;
      if (node.children === null || node.children.length === 0) break;
      const scores = node.children.map((child) => this.#score(node, this.nodes[child] as DefinedNode, rules));
      path.push(node.children[scores.indexOf(Math.max(...scores))] as number);
    }
    for (const node of path) (this.nodes[node] as DefinedNode).pending += 1;
    return [path.at(-1) as number, path.length - 1];
  }

  expand(leaf: number, priors: readonly number[]): number {
    const node = this.nodes[leaf] as DefinedNode;
    if (node.children !== null) return -1;
    const first = this.nodes.length;
    node.children = priors.map((prior, i) => {
      this.nodes.push({ parent: leaf, prior, children: null, values: [], pending: 0 });
      return first + i;
    });
    return priors.length === 0 ? -1 : first;
  }

  backUp(leaf: number, value: number, discount: number): void {
    let power = 1;
    for (const node of this.#path(leaf)) {
      (this.nodes[node] as DefinedNode).values.push(roundHalfToEven(value * power * UNITS));
      power *= discount;
    }
    this.release(leaf);
  }

  release(leaf: number): void {
    for (const node of this.#path(leaf)) (this.nodes[node] as DefinedNode).pending -= 1;
  }

  /** As `TreeBatch.node` gives it. */
  node(index: number): SearchNode {
    const { parent, prior, children, values, pending } = this.nodes[index] as DefinedNode;
    const visits = values.length;
    return {
      parent,
      firstChild: children?.[0] ?? -1,
      childCount: children?.length ?? 0,
      state: children === null ? 'unexpanded' : children.length === 0 ? 'terminal' : 'expanded',
      prior,
      visits,
      virtualVisits: pending,
      meanValue: visits === 0 ? null : values.reduce((a, b) => a + b, 0) / UNITS / visits,
      maxValue: visits === 0 ? null : values.reduce((a, b) => Math.max(a, b)) / UNITS,
    };
  }
}

function randomRules(random: Random): { input: Omit<PuctSelectInput, 'batch'>; rules: SelectionRules; uct: boolean } {
  const nodeValue = random.uniform() < 0.6 ? ('mean' as const) : ('max' as const);
  const virtualValue = random.uniform() < 0.5 ? 0 : -random.uniform();
  const childrenPerLeaf = random.uniform() < 0.2 ? 3 : 0;
  const common = { nodeValue, virtualValue, childrenPerLeaf };
  const below = { belowParent: random.uniform() / 2 };
  const firstPlay = random.uniform() < 0.5 ? random.uniform() - 0.5 : below;
  const kind = random.integer(0, 2);
  if (kind === 0) {
    const c = 0.2 + random.uniform();
    return { uct: true, input: { ...common, c }, rules: { ...common, firstPlay: 0, rule: { kind: 'uct', c } } };
  }
  const c = 2 * random.uniform();
  const rate = kind === 1 ? () => c : (visits: number) => 1.25 + Math.log((visits + 19_652 + 1) / 19_652);
  return {
    uct: false,
    input: { ...common, firstPlay, ...(kind === 1 ? { c } : {}) },
    rules: { ...common, firstPlay, rule: { kind: 'puct', rate } },
  };
}

/** A random search on a batch and, node by node, on the definition. */
export class RandomSearch {
  readonly batch: TreeBatch;
  readonly defined: readonly DefinedTree[];
  readonly #random: Random;
  readonly #backend: BackendName;
  readonly #leavesPerTree: number;
  readonly #discount: number;

  constructor(random: Random, backend: BackendName) {
    this.#random = random;
    this.#backend = backend;
    this.batch = new TreeBatch({ trees: random.integer(1, 20), capacity: random.integer(1, 120) });
    this.defined = Array.from({ length: this.batch.trees }, () => new DefinedTree());
    this.#leavesPerTree = random.uniform() < 0.3 ? random.integer(8, 16) : random.integer(1, 4);
    this.#discount = random.uniform() < 0.5 ? 1 : random.uniform();
  }

  #chosenTrees(): Int32Array | null {
    if (this.#random.uniform() < 0.5) return null;
    return Int32Array.from(this.defined.keys()).filter(() => this.#random.uniform() < 0.7);
  }

  /** Selects on both sides. */
  select(): { selected: SelectOutput; defined: { leaves: number[]; depths: number[] } } {
    const { input, rules, uct } = randomRules(this.#random);
    const trees = this.#chosenTrees();
    const full = { ...input, batch: this.batch, trees, leavesPerTree: this.#leavesPerTree };
    const defined: { leaves: number[]; depths: number[] } = { leaves: [], depths: [] };
    for (const tree of trees ?? this.defined.keys()) {
      for (let i = 1; i <= this.#leavesPerTree; i += 1) {
        const room = this.batch.capacity - (this.defined[tree] as DefinedTree).nodes.length;
        const [leaf, depth] =
          i * rules.childrenPerLeaf <= room ? (this.defined[tree] as DefinedTree).select(rules) : [-1, -1];
        defined.leaves.push(leaf);
        defined.depths.push(depth);
      }
    }
    const options = { backend: this.#backend };
    return { selected: uct ? uctSelect(full, options) : puctSelect(full, options), defined };
  }

  #entries({ trees, leaves }: SelectOutput): { tree: DefinedTree; leaf: number }[] {
    return [...leaves].map((leaf, entry) => {
      const index = Math.floor(entry / this.#leavesPerTree);
      return { tree: this.defined[trees === null ? index : (trees[index] as number)] as DefinedTree, leaf };
    });
  }

  /** Expands most leaves that there is room for. Returns what both sides say was made. */
  expand(wave: SelectOutput): { firstChildren: number[]; defined: number[] } {
    const priors: number[] = [];
    const childOffsets = new Int32Array(wave.leaves.length + 1);
    const leaves = wave.leaves.slice();
    const defined = this.#entries(wave).map(({ tree, leaf }, entry) => {
      const children = Array.from({ length: this.#random.integer(0, 9) }, () => Math.fround(this.#random.uniform()));
      const expands =
        leaf >= 0 && this.#random.uniform() < 0.9 && tree.nodes.length + children.length <= this.batch.capacity;
      if (!expands) leaves[entry] = -1;
      if (expands) priors.push(...children);
      childOffsets[entry + 1] = priors.length;
      return expands ? tree.expand(leaf, children) : -1;
    });
    const input = { batch: this.batch, trees: wave.trees, leaves, childOffsets, priors: Float32Array.from(priors) };
    return { firstChildren: [...expandNodes(input, { backend: this.#backend })], defined };
  }

  /** Backs most leaves up and releases the others. */
  backUp(wave: SelectOutput): void {
    const failed = wave.leaves.slice();
    const leaves = wave.leaves.slice();
    const values = Float64Array.from(this.#entries(wave), ({ tree, leaf }, entry) => {
      const value = this.#random.uniform() < 0.1 ? this.#random.integer(-1, 1) : 2 * this.#random.uniform() - 1;
      const fails = this.#random.uniform() < 0.1;
      (fails ? leaves : failed)[entry] = -1;
      if (leaf < 0) return NaN;
      if (fails) tree.release(leaf);
      else tree.backUp(leaf, value, this.#discount);
      return value;
    });
    const { batch } = this;
    const options = { backend: this.#backend };
    valueBackup({ batch, trees: wave.trees, leaves, values, discount: this.#discount }, options);
    releaseLeaves({ batch, trees: wave.trees, leaves: failed }, options);
  }

  /** Every node on both sides. */
  nodes(): { batch: SearchNode[][]; defined: SearchNode[][] } {
    const every = <T>(tree: number, size: number, node: (tree: number, index: number) => T): T[] =>
      Array.from({ length: size }, (_, index) => node(tree, index));
    return {
      batch: this.defined.map((_, tree) => every(tree, this.batch.size(tree), (t, i) => this.batch.node(t, i))),
      defined: this.defined.map((tree, t) => every(t, tree.nodes.length, (_, i) => tree.node(i))),
    };
  }
}
