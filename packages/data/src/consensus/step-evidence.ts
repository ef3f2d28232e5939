import type { Trace, TraceStep } from '@vlprm/core/records';
import { rateKindOf, type RateKind } from './error-rates.ts';
import { readVotes } from './judge-reading.ts';

/** How many of a number of draws came out well. */
export interface Share {
  readonly hits: number;
  readonly draws: number;
}

/** What one vote says of a step that it read. */
export interface VoteEvidence {
  readonly judge: string;
  readonly flagged: boolean;
  /** 1 / whole readings of this judge: its votes share its eyes, so together they count as one reading. */
  readonly weight: number;
}

/** Everything known of one step. Null where there is no evidence. */
export interface StepEvidence {
  readonly kind: RateKind;
  /** Completed rollouts that reached the right answer. */
  readonly rollouts: Share | null;
  /** Votes that had found no error before the step. */
  readonly votes: readonly VoteEvidence[];
  /** Of the problem's other solutions that begin with the steps before this one, those that go on with it. */
  readonly siblings: Share | null;
}

/** Judge of a vote: `name#2`, `name#3` are votes of `name`. */
const judgeOf = (by: string): string => by.replace(/#\d+$/, '');

/** The solution's own outcome is a rollout of its last step; it counts where no other does. */
function ownOutcome({ outcome }: Trace): Share | null {
  return outcome === 'failed' ? null : { hits: outcome === 'correct' ? 1 : 0, draws: 1 };
}

/** Null when no rollout of the step was completed. */
export function completedRollouts({ mc }: TraceStep): Share | null {
  if (mc === null) return null;
  const draws = mc.correct + mc.incorrect + mc.unparsable;
  return draws === 0 ? null : { hits: mc.correct, draws };
}

/** A distinct prefix of a problem's solutions, and how many of them begin with it. */
interface PrefixNode {
  solutions: number;
  readonly next: Map<string, PrefixNode>;
}

const stepKey = ({ kind, text }: TraceStep): string => `${kind}/${text}`;

function countPrefixes(traces: readonly Trace[]): Map<string, PrefixNode> {
  const problems = new Map<string, PrefixNode>();
  for (const { problemId, steps } of traces) {
    let node: PrefixNode = problems.get(problemId) ?? { solutions: 0, next: new Map() };
    problems.set(problemId, node);
    node.solutions += 1;
    for (const step of steps) {
      const next: PrefixNode = node.next.get(stepKey(step)) ?? { solutions: 0, next: new Map() };
      node.next.set(stepKey(step), next);
      next.solutions += 1;
      node = next;
    }
  }
  return problems;
}

function siblingShares({ steps }: Trace, root: PrefixNode): (Share | null)[] {
  let node = root;
  return steps.map((step) => {
    const draws = node.solutions - 1;
    node = node.next.get(stepKey(step)) as PrefixNode;
    return draws === 0 ? null : { hits: node.solutions - 1, draws };
  });
}

/**
 * The evidence of every step, [traces][steps]. Traces of the same problem are each other's siblings, so all solutions of a
 * problem belong into one call.
 */
export function stepEvidence(traces: readonly Trace[]): StepEvidence[][] {
  const problems = countPrefixes(traces);
  return traces.map((trace) => {
    const votes = readVotes(trace).map((vote) => ({ ...vote, judge: judgeOf(vote.by) }));
    const siblings = siblingShares(trace, problems.get(trace.problemId) as PrefixNode);
    const last = trace.steps.length - 1;
    return trace.steps.map((step, index) => ({
      kind: rateKindOf(step.kind),
      rollouts: completedRollouts(step) ?? (index === last ? ownOutcome(trace) : null),
      votes: votes
        .filter(({ firstError }) => firstError === null || index <= firstError)
        .map(({ judge, firstError }) => ({
          judge,
          flagged: index === firstError,
          weight: 1 / votes.filter((other) => other.judge === judge).length,
        })),
      siblings: siblings[index] ?? null,
    }));
  });
}
