import { expandNodes, releaseLeaves, TreeBatch, uctSelect, valueBackup, type BackendName } from '@vlprm/native-cuda';
import type { Step } from '@vlprm/core/records';
import type { Estimation, EstimationTask, Estimator, Rollout } from './estimator.ts';
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

/** A rollout with the prefix that it was asked for at; of a whole solution, the root. */
interface Path extends Rollout {
  readonly prefix: StepNode;
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

  release(arms: Int32Array): void {
    releaseLeaves({ batch: this.batch, leaves: arms }, this.#call);
  }

  /** Counts each path for the prefixes that it shares with the known ones; a failed one is no value. */
  backUp(paths: readonly Path[]): void {
    const arrived = paths.flatMap(({ prefix, steps, outcome }) => {
      const arm = outcome === 'failed' ? undefined : this.#arrive(prefix, steps);
      return arm === undefined ? [] : [{ arm, value: outcome === 'correct' ? 1 : 0 }];
    });
    if (arrived.length === 0) return;
    const leaves = Int32Array.from(arrived, ({ arm }) => arm);
    const values = Float64Array.from(arrived, ({ value }) => value);
    valueBackup({ batch: this.batch, leaves, values, selected: false }, this.#call);
  }

  /** The arm at which the steps after a prefix leave the known ones. */
  #arrive(prefix: StepNode, steps: readonly Step[]): number | undefined {
    let node = prefix;
    for (const step of steps) {
      const next = node.child(step);
      if (next === undefined || !this.nodeOf.has(next)) break;
      node = next;
    }
    return this.#armOf.get(node);
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

type SearchSettings = Required<Pick<TreeOptions, 'rollouts' | 'exploration' | 'wave'>>;

/** The solutions' own outcomes first, then waves of rollouts until the budget is spent. */
export function* searchTree(search: PrefixSearch, task: EstimationTask, settings: SearchSettings): Estimation {
  const { solutions, tree, budget } = task;
  if (search.arms === 0) return;
  search.backUp(solutions.map(({ steps, outcome }) => ({ prefix: tree.root, steps, outcome })));
  const most = budget ?? Math.ceil((settings.rollouts * search.arms) / 4);
  while (tree.asked < most) {
    const arms = search.select(Math.min(settings.wave, most - tree.asked), settings.exploration);
    const times = new Map<StepNode, number>();
    for (const arm of arms) times.set(search.prefixOf(arm), (times.get(search.prefixOf(arm)) ?? 0) + 1);
    const requests = [...times].map(([node, n]) => ({ node, n, before: node.rollouts.length }));
    yield requests;
    search.release(arms);
    search.backUp(
      requests.flatMap(({ node: prefix, before }) =>
        prefix.rollouts.slice(before).map((rollout) => ({ prefix, ...rollout })),
      ),
    );
  }
}

/**
 * Monte-Carlo tree search over the steps of a problem's solutions, its first paths: UCT descends to the prefix to continue,
 * a rollout goes on to the end, and its outcome counts for every prefix on its path, those above included. So rollouts
 * gather where solutions succeed, and the value of a prefix is that of its best-explored continuations, as in ReST-MCTS*
 * (https://arxiv.org/abs/2406.03816) and AlphaMath (https://arxiv.org/abs/2405.03553), not the policy's own success rate.
 * A failed rollout is no value. Costs the problem's budget, a quarter of an exhaustive run where there is none.
 */
export function treeEstimator(options: TreeOptions): Estimator {
  const { rollouts, exploration = Math.SQRT2, wave = 8, backend } = options;
  const settings = { rollouts, exploration, wave };
  const call = backend === undefined ? {} : { backend };
  return {
    name: 'tree',
    settings,
    estimate: (task) => searchTree(new PrefixSearch(task.tree.root, call), task, settings),
    evidence: ({ solutions, asked, passed, below }) => sumCounts(solutions, asked, passed, below),
  };
}
