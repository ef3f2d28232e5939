import type { Policy, Proposal, Sampled } from '@vlprm/core/models';
import { stepSchema, type Problem } from '@vlprm/core/records';
import { seedFrom, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import type { ResolvedSynthesisOptions } from './options.ts';
import { failureSchema, toFailure, type Failure } from './failure.ts';
import type { Stage } from './stage.ts';

const sampleSchema = z.union([
  z.object({
    ok: z.literal(true),
    steps: z.array(stepSchema),
    finalAnswer: z.string().nullable(),
    tokens: z.int().nonnegative().nullable(),
  }),
  failureSchema,
]);
/** One sampled solution. Without steps there was nothing to read in what the policy wrote. */
export type Sample = z.infer<typeof sampleSchema>;
export type Solved = Extract<Sample, { ok: true }>;

/** Why a sample cannot become a trace; null when it can. */
export function sampleFailure(sample: Sample): Failure | null {
  if (!sample.ok) return sample;
  if (isTrace(sample)) return null;
  return { ok: false, code: 'ERR_TRACE_EMPTY', error: 'no step can be read in what the policy wrote' };
}

/** Whether a sample can become a trace: it came back and has at least one step. */
export function isTrace(sample: Sample): sample is Solved {
  return sample.ok && sample.steps.length > 0;
}

export interface SampledProblem {
  readonly loaded: LoadedProblem;
  readonly samples: readonly Sample[];
}

/** What the models may see of a problem: everything but its answer. */
export function presented({ problem, images }: LoadedProblem): {
  problem: Omit<Problem, 'answer'>;
  images: readonly Uint8Array[];
} {
  const { answer: _, ...shown } = problem;
  return { problem: shown, images };
}

/** The options of a `propose` call, with temperature only where one is set. */
export function proposeOptions(options: ResolvedSynthesisOptions, n: number, purpose: string) {
  const seed = seedFrom(options.seed, purpose);
  const base = { n, stop: 'end' as const, seed };
  return options.temperature === null ? base : { ...base, temperature: options.temperature };
}

/**
 * The proposals of a call, checked for their shape [prefixes][n].
 * @throws ERR_MODEL_FAILED when the policy answers with another shape
 */
export function checkedProposals(
  policy: Policy,
  proposals: readonly (readonly Sampled<Proposal>[])[],
  prefixes: number,
  n: number,
): readonly (readonly Sampled<Proposal>[])[] {
  if (proposals.length !== prefixes || proposals.some((list) => list.length !== n)) {
    throw new VlprmError('ERR_MODEL_FAILED', `policy ${policy.name} did not answer every prefix with ${n} proposals`, {
      where: 'propose',
      fix: 'repair the policy adapter: the result has the shape [prefixes][n], failed calls included',
    });
  }
  return proposals;
}

function toSample(proposal: Sampled<Proposal>): Sample {
  if (!proposal.ok) return toFailure(proposal.error);
  const { steps, finalAnswer, tokens } = proposal.value;
  const readable = steps.every((step) => stepSchema.safeParse(step).success);
  return {
    ok: true,
    steps: readable ? steps.map(({ kind, text }) => ({ kind, text })) : [],
    finalAnswer: readable ? finalAnswer : null,
    tokens,
  };
}

/** Samples whole solutions of each problem. */
export function samplingStage(policy: Policy, options: ResolvedSynthesisOptions): Stage<LoadedProblem, Sample[]> {
  const n = options.tracesPerProblem;
  return {
    name: 'sample',
    schema: z.array(sampleSchema).length(n),
    inputs: ({ problem }) => ({ problem, policy: policy.name, options: proposeOptions(options, n, 'sample') }),
    compute: async (loaded, signal) => {
      const prefix = { ...presented(loaded), steps: [] };
      const { proposals, usage } = await policy.propose([prefix], proposeOptions(options, n, 'sample'), signal);
      return { value: checkedProposals(policy, proposals, 1, n).flat().map(toSample), usage };
    },
  };
}
