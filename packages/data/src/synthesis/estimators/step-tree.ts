import { contentHash } from '@vlprm/core/runtime';
import type { Outcome, Step, StepValue } from '@vlprm/core/records';
import type { Rollout, SampledSolution } from './estimator.ts';

/** A distinct prefix: the steps from the root to here. */
export interface StepNode {
  readonly step: Step | null;
  readonly children: Map<string, StepNode>;
  readonly counts: Record<Outcome, number>;
}

const newNode = (step: Step | null): StepNode => ({
  step,
  children: new Map(),
  counts: { correct: 0, incorrect: 0, unparsable: 0, failed: 0 },
});

/**
 * The step tree of one problem: prefixes that solutions share are one node, with the outcomes of the rollouts through it.
 *
 * With `reuse`, a rollout counts for every prefix of a solution that it passes through below the one it was asked for
 * (given that prefix, the rest of it is a draw of the policy), and a solution for each of its own prefixes.
 */
export class StepTree {
  readonly root: StepNode = newNode(null);
  readonly #reuse: boolean;
  #asked = 0;

  constructor(solutions: readonly SampledSolution[], options: { readonly reuse: boolean }) {
    this.#reuse = options.reuse;
    for (const { steps, outcome } of solutions) {
      let node = this.root;
      for (const step of steps) {
        const key = contentHash(step);
        const next = node.children.get(key) ?? newNode(step);
        node.children.set(key, next);
        if (options.reuse) next.counts[outcome] += 1;
        node = next;
      }
    }
  }

  /** Rollouts that were asked for, failed ones included. */
  get asked(): number {
    return this.#asked;
  }

  /** The node of a prefix; undefined where no solution has it. */
  at(prefix: readonly Step[]): StepNode | undefined {
    return prefix.reduce<StepNode | undefined>((node, step) => node?.children.get(contentHash(step)), this.root);
  }

  record(prefix: readonly Step[], rollouts: readonly Rollout[]): void {
    const from = this.at(prefix);
    if (from === undefined) throw new RangeError('no solution has this prefix');
    this.#asked += rollouts.length;
    for (const { outcome, steps } of rollouts) {
      let node: StepNode | undefined = from;
      node.counts[outcome] += 1;
      if (!this.#reuse) continue;
      for (const step of steps) {
        node = node.children.get(contentHash(step));
        if (node === undefined) break;
        node.counts[outcome] += 1;
      }
    }
  }

  /** Evidence of every step of a solution; null for a step that nothing counts for. `budget` is the sum of the counts. */
  values(steps: readonly Step[]): (StepValue | null)[] {
    let node: StepNode | undefined = this.root;
    return steps.map((step) => {
      node = node?.children.get(contentHash(step));
      if (node === undefined) return null;
      const { correct, incorrect, unparsable, failed } = node.counts;
      const budget = correct + incorrect + unparsable + failed;
      return budget === 0 ? null : { correct, incorrect, unparsable, failed, budget };
    });
  }
}
