import type { Judge, Review, Sampled, Solution } from '@vlprm/core/models';
import { NO_USAGE, stepLabelSchema, type Usage } from '@vlprm/core/records';
import { seedFrom, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import { failureSchema, toFailure, type Failure } from './failure.ts';
import type { ResolvedSynthesisOptions } from './options.ts';
import { isTrace, presented, type SampledProblem, type Solved } from './sampling.ts';
import type { Computed, Stage } from './stage.ts';

const reviewSchema = z.union([
  z.object({
    ok: z.literal(true),
    verdicts: z.array(stepLabelSchema),
    /** Answers before this one that could not be read; absent for none. */
    unreadable: z.int().positive().optional(),
  }),
  failureSchema,
]);
export type StoredReview = z.infer<typeof reviewSchema>;

const reviewsSchema = z.array(reviewSchema.nullable());
/** [samples] null for a sample that is no trace, and so was not reviewed. */
export type Reviews = z.infer<typeof reviewsSchema>;

/** One judge's one vote over every solution of a problem. */
export interface ReviewStage extends Stage<SampledProblem, Reviews> {
  /** What the verdicts are recorded by: the judge's name, with `#2`, `#3` for further votes. */
  readonly by: string;
  /** Solutions that the judge wants in one call; null when it takes them problem by problem. */
  readonly batch: number | null;
  /** Reviews the solutions of several problems in one call, and splits its cost over them by their solutions. */
  readonly computeTogether: (
    items: readonly SampledProblem[],
    signal: AbortSignal | undefined,
  ) => Promise<Computed<Reviews>[]>;
}

function unusable(code: 'ERR_STEP_COUNT' | 'ERR_MODEL_FAILED', error: string): Failure {
  return { ok: false, code, error };
}

/** A review for other steps than those that were asked for, or one that contradicts itself, is a failed one. */
function toReview(review: Sampled<Review>, { steps }: Solved): StoredReview {
  if (!review.ok) return toFailure(review.error);
  const { verdicts, firstError, unreadable = 0 } = review.value;
  if (verdicts.length !== steps.length) {
    return unusable('ERR_STEP_COUNT', `the judge gave ${verdicts.length} verdicts for ${steps.length} steps`);
  }
  if (verdicts.indexOf(-1) !== (firstError ?? -1)) {
    return unusable('ERR_MODEL_FAILED', 'the judge names a first error that its verdicts do not show');
  }
  return { ok: true, verdicts: [...verdicts], ...(unreadable > 0 && { unreadable }) };
}

function solutionsOf({ loaded, samples }: SampledProblem): { solved: Solved; solution: Solution }[] {
  const shown = presented(loaded);
  return samples.filter(isTrace).map((solved) => ({ solved, solution: { ...shown, steps: solved.steps } }));
}

/** @throws ERR_MODEL_FAILED when the judge answers with another number of reviews */
function requireOneEach(judge: Judge, reviews: readonly unknown[], solutions: number): void {
  if (reviews.length === solutions) return;
  throw new VlprmError(
    'ERR_MODEL_FAILED',
    `judge ${judge.name} gave ${reviews.length} reviews for ${solutions} solutions`,
    {
      where: 'review',
      fix: 'repair the judge adapter: one review a solution, failed calls included',
    },
  );
}

/** Places the reviews of the solutions back at their samples. */
function toReviews({ samples }: SampledProblem, reviews: readonly Sampled<Review>[]): Reviews {
  let next = 0;
  return samples.map((sample) => (isTrace(sample) ? toReview(reviews[next++] as Sampled<Review>, sample) : null));
}

/** Part of a cost, from a share to a share of the whole; parts that meet add up exactly in whole numbers. */
function partOf(usage: Usage, from: number, to: number): Usage {
  const whole = (total: number): number => Math.floor(total * to) - Math.floor(total * from);
  const known = (total: number | null): number | null => (total === null ? null : whole(total));
  return {
    calls: whole(usage.calls),
    promptTokens: known(usage.promptTokens),
    completionTokens: known(usage.completionTokens),
    usd: usage.usd === null ? null : usage.usd * (to - from),
  };
}

async function reviewTogether(
  judge: Judge,
  seed: number,
  items: readonly SampledProblem[],
  signal: AbortSignal | undefined,
): Promise<Computed<Reviews>[]> {
  const asked = items.map((item) => solutionsOf(item).map(({ solution }) => solution));
  const solutions = asked.flat();
  if (solutions.length === 0) return items.map((item) => ({ value: toReviews(item, []), usage: NO_USAGE }));
  const { reviews, usage } = await judge.review(solutions, { seed }, signal);
  requireOneEach(judge, reviews, solutions.length);
  let begin = 0;
  return items.map((item, i) => {
    const end = begin + (asked[i]?.length ?? 0);
    const own = reviews.slice(begin, end);
    const part = partOf(usage, begin / solutions.length, end / solutions.length);
    begin = end;
    return { value: toReviews(item, own), usage: part };
  });
}

/** Lets a judge review every solution, for one vote. It does not see the reference answer. */
function reviewingStage(judge: Judge, vote: number, options: ResolvedSynthesisOptions): ReviewStage {
  const seed = vote === 0 ? seedFrom(options.seed, 'judge') : seedFrom(options.seed, 'judge', vote);
  const computeTogether: ReviewStage['computeTogether'] = (items, signal) => reviewTogether(judge, seed, items, signal);
  return {
    name: 'judge',
    by: vote === 0 ? judge.name : `${judge.name}#${vote + 1}`,
    batch: judge.preferredBatch ?? null,
    schema: reviewsSchema,
    inputs: ({ loaded, samples }) => {
      const { answer: _, ...problem } = loaded.problem;
      const solutions = samples.map((sample) => (isTrace(sample) ? sample.steps : null));
      return { problem, solutions, judge: judge.name, seed };
    },
    computeTogether,
    compute: async (item, signal) => {
      const [computed] = await computeTogether([item], signal);
      return computed as Computed<Reviews>;
    },
  };
}

/** The stages of all judges and votes, in the order of the judges. */
export function reviewingStages(judges: readonly Judge[], options: ResolvedSynthesisOptions): ReviewStage[] {
  return judges.flatMap((judge) =>
    Array.from({ length: options.votes }, (_, vote) => reviewingStage(judge, vote, options)),
  );
}
