import type { AnswerChecker, Policy, Proposal, Sampled } from '@vlprm/core/models';
import { addUsage, NO_USAGE, stepValueSchema, type Usage } from '@vlprm/core/records';
import { allAtOnce, seedFrom, throwIfAborted } from '@vlprm/core/runtime';
import { z } from 'zod';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import type { Estimator, Rollout, RolloutRequest, SampledSolution } from './estimators/estimator.ts';
import { createEstimator } from './estimators/index.ts';
import { StepTree, type StepNode } from './estimators/step-tree.ts';
import type { ResolvedSynthesisOptions } from './options.ts';
import { checkedProposals, isTrace, presented, type SampledProblem } from './sampling.ts';
import type { Computed, Stage } from './stage.ts';

const estimateSchema = z.object({
  /** Rollouts that were asked for; a prefix that several solutions share is continued once. */
  rollouts: z.int().nonnegative(),
  /** Of those: calls that did not come back, and answers that could not be read. */
  failed: z.int().nonnegative(),
  unparsable: z.int().nonnegative(),
  /** [samples][steps]; null for a step that was not estimated, empty for a sample that is no trace. */
  values: z.array(z.array(stepValueSchema.nullable())),
});
export type Estimate = z.infer<typeof estimateSchema>;

export interface EstimationSettings {
  readonly estimator: Estimator;
  readonly policy: Policy;
  readonly checker: AnswerChecker;
  /** Left to the policy when null. */
  readonly temperature: number | null;
  readonly seed: number;
  /** Most rollouts of one problem; null leaves the number to the estimator. */
  readonly rolloutsPerProblem: number | null;
}

/** Requests that one call answers: as many rollouts each, and each prefix asked for the same time. */
interface RolloutCall {
  readonly n: number;
  readonly seed: number;
  readonly nodes: StepNode[];
}

/**
 * The requests of a round, each node once, cut to what the budget leaves, as calls. What a prefix is answered the k-th time
 * depends on the seed, the prefix and k alone, so no draw is made twice.
 */
function planCalls(requests: readonly RolloutRequest[], left: number, seed: number): RolloutCall[] {
  const wanted = new Map<StepNode, number>();
  for (const { node, n } of requests) wanted.set(node, (wanted.get(node) ?? 0) + n);
  const calls = new Map<string, RolloutCall>();
  let rest = left;
  for (const [node, whole] of wanted) {
    const n = Math.min(whole, rest);
    if (n < 1) break;
    rest -= n;
    const { requests: time } = node;
    const key = `${n} ${time}`;
    const call = calls.get(key) ?? {
      n,
      seed: time === 0 ? seedFrom(seed, 'rollout') : seedFrom(seed, 'rollout', time),
      nodes: [],
    };
    call.nodes.push(node);
    calls.set(key, call);
  }
  return [...calls.values()];
}

/** Outcomes of answers and of calls that failed; the latter are never shown to the checker. */
function grade(
  proposals: readonly Sampled<Proposal>[],
  { problem }: LoadedProblem,
  checker: AnswerChecker,
): Rollout['outcome'][] {
  const answered = proposals.flatMap((proposal) => (proposal.ok ? [proposal.value.finalAnswer] : []));
  const reference = problem.answer as string;
  const verdicts = checker.check(answered.map((answer) => ({ answer, reference, options: problem.options })));
  let next = 0;
  return proposals.map((proposal) => (proposal.ok ? (verdicts[next++] ?? 'failed') : 'failed'));
}

/** The steps of a continuation; none when one of them is no step, because no prefix can end with it. */
function readableSteps(proposal: Sampled<Proposal>): Rollout['steps'] {
  return proposal.ok && proposal.value.steps.every(({ text }) => text !== '') ? proposal.value.steps : [];
}

async function rollOut(
  { n, seed, nodes }: RolloutCall,
  loaded: LoadedProblem,
  { policy, checker, temperature }: EstimationSettings,
  signal: AbortSignal,
): Promise<{ answers: (readonly [StepNode, Rollout[]])[]; usage: Usage }> {
  const shown = presented(loaded);
  const { proposals, usage } = await policy.propose(
    nodes.map(({ steps }) => ({ ...shown, steps })),
    { n, stop: 'end', seed, ...(temperature !== null && { temperature }) },
    signal,
  );
  const answers = checkedProposals(policy, proposals, nodes.length, n).map((list, i) => {
    const outcomes = grade(list, loaded, checker);
    const rollouts = list.map((proposal, j) => ({
      outcome: outcomes[j] ?? 'failed',
      steps: readableSteps(proposal),
    }));
    return [nodes[i] as StepNode, rollouts] as const;
  });
  return { answers, usage };
}

function solutionsOf({ loaded, samples }: SampledProblem, checker: AnswerChecker): SampledSolution[] {
  const traces = samples.filter(isTrace);
  const outcomes = checker.check(
    traces.map(({ finalAnswer }) => ({
      answer: finalAnswer,
      reference: loaded.problem.answer as string,
      options: loaded.problem.options,
    })),
  );
  return traces.map(({ steps }, i) => ({ steps, outcome: outcomes[i] ?? 'failed' }));
}

/**
 * Monte-Carlo evidence for every step of a problem's solutions: lets the estimator ask, the policy continue and the checker
 * compare with the reference answer, round by round, until the estimator or the budget has enough.
 * A call that failed counts as failed, an answer that cannot be read as unparsable; neither is a wrong answer.
 * @throws ERR_MODEL_FAILED for a policy that answers in another shape, ERR_ABORTED, and what the policy throws
 */
export async function estimateProblem(
  sampled: SampledProblem,
  settings: EstimationSettings,
  signal?: AbortSignal,
): Promise<Computed<Estimate>> {
  const { estimator, checker, seed, rolloutsPerProblem: budget } = settings;
  const solutions = solutionsOf(sampled, checker);
  const tree = new StepTree(solutions);
  let usage = NO_USAGE;
  if (solutions.length > 0) {
    for (const requests of estimator.estimate({ solutions, tree, budget })) {
      const calls = planCalls(requests, budget === null ? Infinity : budget - tree.asked, seed);
      if (calls.length === 0) break;
      const answered = await allAtOnce(calls, signal, (call, own) => rollOut(call, sampled.loaded, settings, own));
      throwIfAborted(signal);
      for (const { answers, usage: spent } of answered) {
        usage = addUsage(usage, spent);
        for (const [node, rollouts] of answers) tree.record(node, rollouts);
      }
    }
  }
  const values = sampled.samples.map((sample) =>
    isTrace(sample)
      ? sample.steps.map((_, i) => {
          const node = tree.at(sample.steps, i + 1);
          return node === undefined ? null : estimator.evidence(node);
        })
      : [],
  );
  const { failed, unparsable } = tree.total;
  return { value: { rollouts: tree.asked, failed, unparsable, values }, usage };
}

/** Evidence by the estimator of the options for labels at a threshold: the one of the label rule. */
export function estimationStage(
  policy: Policy,
  checker: AnswerChecker,
  options: ResolvedSynthesisOptions,
  threshold: number,
): Stage<SampledProblem, Estimate> {
  const { temperature, seed, rolloutsPerProblem, rolloutsPerStep: rollouts } = options;
  const estimator = createEstimator(options.estimator, { rollouts, threshold });
  return {
    name: 'estimate',
    schema: estimateSchema,
    inputs: ({ loaded, samples }) => ({
      problem: loaded.problem,
      solutions: samples.map((sample) => (isTrace(sample) ? sample.steps : null)),
      policy: policy.name,
      estimator: { name: estimator.name, settings: estimator.settings },
      options: { temperature, seed, rolloutsPerProblem },
    }),
    compute: (sampled, signal) =>
      estimateProblem(sampled, { estimator, policy, checker, temperature, seed, rolloutsPerProblem }, signal),
  };
}
