import type { Outcome, Step, StepValue } from '@vlprm/core/records';
import type { Rollout, SampledSolution } from './estimator.ts';

export type OutcomeCounts = Record<Outcome, number>;

const noCounts = (): OutcomeCounts => ({ correct: 0, incorrect: 0, unparsable: 0, failed: 0 });

/** A distinct prefix: the steps from the root to here. Every count is of whole solutions that begin with it. */
export class StepNode {
  readonly parent: StepNode | null;
  /** The step that the prefix ends with; null for the root. */
  readonly step: Step | null;
  readonly children = new Map<string, StepNode>();
  /** Solutions of the problem. */
  readonly solutions = noCounts();
  /** Rollouts that were asked for here. */
  readonly asked = noCounts();
  /** Rollouts that were asked for further up, and came through here. */
  readonly passed = noCounts();
  /** Rollouts that were asked for further down. */
  readonly below = noCounts();
  /** What came back of those asked for here. */
  readonly rollouts: Rollout[] = [];
  /** Requests for rollouts that were answered here. */
  requests = 0;

  constructor(parent: StepNode | null, step: Step | null) {
    this.parent = parent;
    this.step = step;
  }

  /** Steps of the prefix. */
  get steps(): Step[] {
    const steps: Step[] = [];
    for (let node = this as StepNode; node.parent !== null && node.step !== null; node = node.parent) {
      steps.push(node.step);
    }
    return steps.reverse();
  }

  /** The prefix with one step more; undefined where nothing went on so. */
  child(step: Step): StepNode | undefined {
    return this.children.get(keyOf(step));
  }

  /** The prefix with one step more, made where nothing went on so before. */
  grow(step: Step): StepNode {
    const key = keyOf(step);
    let child = this.children.get(key);
    if (child === undefined) {
      child = new StepNode(this, step);
      this.children.set(key, child);
    }
    return child;
  }
}

/** Different for steps of different kind or text: the first letter tells the kind (of null: n), the rest is the text. */
function keyOf({ kind, text }: Step): string {
  return (kind === null ? 'n' : kind === 'perception' ? 'p' : 'r') + text;
}

/** Counts as evidence of a step, `budget` their sum; null when there are none. */
export function sumCounts(...parts: readonly OutcomeCounts[]): StepValue | null {
  const sum = { ...noCounts(), budget: 0 };
  for (const { correct, incorrect, unparsable, failed } of parts) {
    sum.correct += correct;
    sum.incorrect += incorrect;
    sum.unparsable += unparsable;
    sum.failed += failed;
    sum.budget += correct + incorrect + unparsable + failed;
  }
  return sum.budget === 0 ? null : sum;
}

/** Rollouts that came to an end. An answer that cannot be read is one; a failed call is no evidence. */
export function completed({ correct, incorrect, unparsable }: OutcomeCounts): number {
  return correct + incorrect + unparsable;
}

/**
 * Everything that is known of one problem: its solutions and all rollouts as one tree of steps, in which equal prefixes
 * are one node. A rollout is a draw of the policy given any prefix that it comes through, from the one that it was asked for
 * on; given the prefixes above, which somebody chose, it is none, but a success shows that they can be completed.
 */
export class StepTree {
  readonly root = new StepNode(null, null);
  /** Of all rollouts that were asked for. */
  readonly total = noCounts();

  constructor(solutions: readonly SampledSolution[]) {
    for (const { steps, outcome } of solutions) {
      let node = this.root;
      node.solutions[outcome] += 1;
      for (const step of steps) {
        node = node.grow(step);
        node.solutions[outcome] += 1;
      }
    }
  }

  /** Rollouts that were asked for, failed ones included. */
  get asked(): number {
    return completed(this.total) + this.total.failed;
  }

  /** The node after the first `length` steps (default: all); undefined where nothing begins so. */
  at(steps: readonly Step[], length = steps.length): StepNode | undefined {
    let node: StepNode | undefined = this.root;
    for (let i = 0; i < length && node !== undefined; i++) node = node.child(steps[i] as Step);
    return node;
  }

  /** Writes down the answer to one request. */
  record(from: StepNode, rollouts: readonly Rollout[]): void {
    from.requests += 1;
    from.rollouts.push(...rollouts);
    for (const { outcome, steps } of rollouts) {
      this.total[outcome] += 1;
      from.asked[outcome] += 1;
      for (let node = from.parent; node !== null; node = node.parent) node.below[outcome] += 1;
      let node = from;
      for (const step of steps) {
        node = node.grow(step);
        node.passed[outcome] += 1;
      }
    }
  }
}
