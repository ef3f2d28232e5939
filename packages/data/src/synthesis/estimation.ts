import type { AnswerChecker, Policy, Prefix, Proposal, Sampled } from '@vlprm/core/models';
import { NO_USAGE, stepValueSchema, type Outcome, type Step, type StepValue } from '@vlprm/core/records';
import { contentHash } from '@vlprm/core/runtime';
import { mcLabels } from '@vlprm/native-cuda';
import { z } from 'zod';
import type { ResolvedSynthesisOptions } from './options.ts';
import { checkedProposals, isTrace, presented, proposeOptions, type Sample, type SampledProblem } from './sampling.ts';
import type { Stage } from './stage.ts';

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

const OUTCOME: Readonly<Record<Outcome, number>> = { incorrect: 0, correct: 1, unparsable: 2, failed: 3 };

/** A distinct prefix of a problem, with the steps that it ends with. */
interface PrefixGroup {
  readonly prefix: Prefix;
  readonly reference: string;
  readonly owners: { readonly sample: number; readonly step: number }[];
}

/** Prefixes after every step of every solution; those with equal steps are one group. */
function prefixGroups({ loaded, samples }: SampledProblem): PrefixGroup[] {
  const groups = new Map<string, PrefixGroup>();
  const shown = presented(loaded);
  samples.forEach((sample, index) => {
    if (!isTrace(sample)) return;
    sample.steps.forEach((_, step) => {
      const steps: Step[] = sample.steps.slice(0, step + 1);
      const key = contentHash(steps);
      const group = groups.get(key) ?? {
        prefix: { ...shown, steps },
        reference: loaded.problem.answer as string,
        owners: [],
      };
      group.owners.push({ sample: index, step });
      groups.set(key, group);
    });
  });
  return [...groups.values()];
}

/** Outcome of every rollout, [groups · n]: a failed call is never shown to the checker. */
function rolloutOutcomes(
  groups: readonly PrefixGroup[],
  proposals: readonly (readonly Sampled<Proposal>[])[],
  checker: AnswerChecker,
): Uint8Array {
  const flat = proposals.flat();
  const n = groups.length === 0 ? 0 : flat.length / groups.length;
  const outcomes = new Uint8Array(flat.length).fill(OUTCOME.failed);
  const answered = flat.flatMap((proposal, i) => {
    const group = groups[Math.floor(i / n)];
    return proposal.ok && group !== undefined ? [{ i, answer: proposal.value.finalAnswer, group }] : [];
  });
  const verdicts = checker.check(
    answered.map(({ answer, group }) => ({
      answer,
      reference: group.reference,
      options: group.prefix.problem.options,
    })),
  );
  answered.forEach(({ i }, k) => {
    outcomes[i] = OUTCOME[verdicts[k] ?? 'failed'];
  });
  return outcomes;
}

/** Counts per group through the `mcLabels` kernel. */
function countOutcomes(outcomes: Uint8Array, groups: number, n: number): StepValue[] {
  const offsets = Int32Array.from({ length: groups + 1 }, (_, i) => i * n);
  const { correct, incorrect, unparsable, failed } = mcLabels({ outcomes, offsets });
  return Array.from({ length: groups }, (_, i) => ({
    correct: correct[i] ?? 0,
    incorrect: incorrect[i] ?? 0,
    unparsable: unparsable[i] ?? 0,
    failed: failed[i] ?? 0,
    budget: n,
  }));
}

/** Hands each group's counts back to the steps that it stands for. */
function toEstimate(
  samples: readonly Sample[],
  groups: readonly PrefixGroup[],
  counts: readonly StepValue[],
): Estimate {
  const estimate: Estimate = { rollouts: 0, failed: 0, unparsable: 0, values: samples.map(() => []) };
  groups.forEach(({ owners }, i) => {
    const count = counts[i] as StepValue;
    estimate.rollouts += count.budget;
    estimate.failed += count.failed;
    estimate.unparsable += count.unparsable;
    for (const { sample, step } of owners) (estimate.values[sample] as StepValue[])[step] = count;
  });
  return estimate;
}

/**
 * Monte-Carlo value of every step: `rolloutsPerStep` continuations of the prefix that ends with it, checked against the
 * reference answer (Math-Shepherd's completion estimate, https://arxiv.org/abs/2312.08935).
 * A call that failed counts as failed, an answer that cannot be read as unparsable; neither is a wrong answer.
 */
export function estimationStage(
  policy: Policy,
  checker: AnswerChecker,
  options: ResolvedSynthesisOptions,
): Stage<SampledProblem, Estimate> {
  const n = options.rolloutsPerStep;
  return {
    name: 'estimate',
    schema: estimateSchema,
    inputs: ({ loaded, samples }) => ({
      problem: loaded.problem,
      solutions: samples.map((sample) => (isTrace(sample) ? sample.steps : null)),
      policy: policy.name,
      options: proposeOptions(options, n, 'rollout'),
    }),
    compute: async (sampled, signal) => {
      const groups = prefixGroups(sampled);
      const { proposals, usage } =
        groups.length === 0
          ? { proposals: [], usage: NO_USAGE }
          : await policy.propose(
              groups.map(({ prefix }) => prefix),
              proposeOptions(options, n, 'rollout'),
              signal,
            );
      const outcomes = rolloutOutcomes(groups, checkedProposals(policy, proposals, groups.length, n), checker);
      const counts = countOutcomes(outcomes, groups.length, n);
      return { value: toEstimate(sampled.samples, groups, counts), usage };
    },
  };
}
