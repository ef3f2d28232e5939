import { VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import { ESTIMATOR_NAMES } from './estimators/estimator.ts';

const count = (maximum: number) => z.int().min(1).max(maximum);

export const synthesisOptionsSchema = z.strictObject({
  /** Solutions sampled per problem. */
  tracesPerProblem: count(1024).default(4),
  /** Rollouts from the prefix after each step; 0 leaves the Monte-Carlo evidence out. */
  rolloutsPerStep: z.int().min(0).max(4096).default(16),
  /** Sampling temperature; left to the policy when absent. */
  temperature: z.number().min(0).max(10).nullable().default(null),
  seed: z.int().nonnegative().max(Number.MAX_SAFE_INTEGER).default(0),
  /** How the rollouts are spent on the steps. */
  estimator: z.enum(ESTIMATOR_NAMES).default('exhaustive'),
  /** Most rollouts of one problem; null leaves the number to the estimator. */
  rolloutsPerProblem: count(1_000_000).nullable().default(null),
  /** Reviews of every solution by each judge. */
  votes: count(64).default(1),
  /** Share of solutions that may be set aside before the run stops. */
  maxRejectRate: z.number().min(0).max(1).default(0.5),
  /** Problems in flight. */
  concurrency: count(65_536).default(64),
});

/** Options with every default filled in. */
export type ResolvedSynthesisOptions = z.output<typeof synthesisOptionsSchema>;
export type SynthesisOptions = Partial<ResolvedSynthesisOptions>;

/** @throws ERR_RANGE naming the option */
export function resolveSynthesisOptions(options: SynthesisOptions): ResolvedSynthesisOptions {
  const parsed = synthesisOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new VlprmError('ERR_RANGE', `a synthesis option is out of range: ${issue?.message ?? 'invalid'}`, {
    where: issue?.path.join('.') ?? 'options',
    fix: 'give a value inside the range',
  });
}
