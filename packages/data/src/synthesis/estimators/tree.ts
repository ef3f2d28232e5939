import { expandNodes, releaseLeaves, TreeBatch, uctSelect, valueBackup, type BackendName } from '@vlprm/native-cuda';
import type { Step } from '@vlprm/core/records';
import type { Estimation, EstimationTask, Estimator } from './estimator.ts';
import { sumCounts, type StepNode } from './step-tree.ts';

export interface TreeOptions {
  /** K of an exhaustive run, of whose cost a quarter is spent when the problem has no budget. */
  readonly rollouts: number;
  /** Factor of UCB1's exploration term. Default √2. */
  readonly exploration?: number;
  /** Rollouts in flight at once. Default 8. */
  readonly wave?: number;
  /** Of the kernels; results do not depend on it. Default: the active one. */
  readonly backend?: BackendName;
}

const isInner = ({ children }: StepNode): boolean => children.size > 0;

/**
 * The prefixes that end no solution, as a tree for the kernels. Beside the known next steps each prefix has an arm: any other
 * way to go on, which is what a rollout from it tries. Arms are the only leaves. The root has none, nothing asks for new solutions.
 */
export class PrefixSearch {
  readonly batch: TreeBatch;
  /** Of each prefix. */
  readonly nodeOf = new Map<StepNode, number>();
  readonly #armOf = new Map<StepNode, number>();
  /** [nodes] the prefix that a leaf is the arm of. */
  readonly #armed: (StepNode | undefined)[] = [];
  readonly #call: { readonly backend?: BackendName };

  constructor(root: StepNode, call: { readonly backend?: BackendName }) {
    this.#call = call;
    const levels: StepNode[][] = [];
    for (
      let level = [root];
      level.length > 0;
      level = level.flatMap((node) => [...node.children.values()].filter(isInner))
    )
      levels.push(level);
    this.batch = new TreeBatch({ trees: 1, capacity: 2 * levels.flat().length });
    this.nodeOf.set(root, 0);
    for (const level of levels) this.#expand(level);
  }

  get arms(): number {
    return this.#armOf.size;
  }

  /** Arms to try next, at most `count`; an arm as often as it is to be tried. */
  select(count: number, exploration: number): Int32Array {
    return uctSelect({ batch: this.batch, leavesPerTree: count, c: exploration }, this.#call).leaves;
  }

  prefixOf(arm: number): StepNode {
    return this.#armed[arm] as StepNode;
  }

  /** The arm at which the steps after a prefix leave the known ones. */
  arrive(prefix: StepNode, steps: readonly Step[]): number | undefined {
    let node = prefix;
    for (const step of steps) {
      const next = node.child(step);
      if (next === undefined || !this.nodeOf.has(next)) break;
      node = next;
    }
    return this.#armOf.get(node);
  }

  release(arms: Int32Array): void {
    releaseLeaves({ batch: this.batch, leaves: arms }, this.#call);
  }

  backUp(arms: readonly number[], values: readonly number[]): void {
    if (arms.length === 0) return;
    const wave = { leaves: Int32Array.from(arms), values: Float64Array.from(values), selected: false };
    valueBackup({ batch: this.batch, ...wave }, this.#call);
  }

  #expand(level: readonly StepNode[]): void {
    let next = this.batch.size(0);
    const offsets = [0];
    for (const prefix of level) {
      const first = next;
      for (const child of prefix.children.values()) if (isInner(child)) this.nodeOf.set(child, next++);
      if (prefix.parent !== null) {
        this.#armOf.set(prefix, next);
        this.#armed[next++] = prefix;
      }
      offsets.push((offsets.at(-1) ?? 0) + next - first);
    }
    const leaves = Int32Array.from(level, (prefix) => this.nodeOf.get(prefix) ?? -1);
    const priors = new Float32Array(offsets.at(-1) ?? 0).fill(1);
    expandNodes({ batch: this.batch, leaves, childOffsets: Int32Array.from(offsets), priors }, this.#call);
  }
}

/**
 * Monte-Carlo tree search over the steps of a problem's solutions, its first paths: UCT descends to the prefix to continue,
 * a rollout goes on to the end, and its outcome counts for every prefix on its path, the ones above included
 * (valueBackup). So rollouts gather where solutions succeed, and the value of a prefix is that of its best-explored
 * continuations, as in ReST-MCTS* (https://arxiv.org/abs/2406.03816) and AlphaMath (https://arxiv.org/abs/2405.03553), not the
 * policy's own success rate. A failed rollout is no value. Costs the problem's budget: for a fixed sum over many prefixes, or
 * where any success below a step is proof enough.
 */
export function treeEstimator(options: TreeOptions): Estimator {
  const { rollouts, exploration = Math.SQRT2, wave = 8, backend } = options;
  const call = backend === undefined ? {} : { backend };

  function* estimate({ solutions, tree, budget }: EstimationTask): Estimation {
    const search = new PrefixSearch(tree.root, call);
    if (search.arms === 0) return;
    const known = solutions.filter(({ outcome }) => outcome !== 'failed');
    const arrived = known.map(({ steps }) => search.arrive(tree.root, steps));
    const grown = known.filter((_, i) => arrived[i] !== undefined);
    search.backUp(
      arrived.filter((arm) => arm !== undefined),
      grown.map(({ outcome }) => (outcome === 'correct' ? 1 : 0)),
    );
    const most = budget ?? Math.ceil((rollouts * search.arms) / 4);
    while (tree.asked < most) {
      const arms = search.select(Math.min(wave, most - tree.asked), exploration);
      const asked = new Map<StepNode, number>();
      for (const arm of arms) asked.set(search.prefixOf(arm), (asked.get(search.prefixOf(arm)) ?? 0) + 1);
      const seen = new Map([...asked.keys()].map((node) => [node, node.rollouts.length]));
      yield [...asked].map(([node, n]) => ({ node, n }));
      search.release(arms);
      const back = [...seen].flatMap(([node, from]) =>
        node.rollouts
          .slice(from)
          .filter(({ outcome }) => outcome !== 'failed')
          .map(({ steps, outcome }) => [search.arrive(node, steps) as number, outcome === 'correct' ? 1 : 0] as const),
      );
      search.backUp(
        back.map(([arm]) => arm),
        back.map(([, value]) => value),
      );
    }
  }

  return {
    name: 'tree',
    settings: { rollouts, exploration, wave },
    estimate,
    evidence: ({ solutions, asked, passed, below }) => sumCounts(solutions, asked, passed, below),
  };
}
