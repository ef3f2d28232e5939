import type { Judge, Review, Sampled } from '@vlprm/core/models';
import { NO_USAGE, stepLabelSchema } from '@vlprm/core/records';
import { seedFrom, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import type { SampledProblem } from './estimation.ts';
import type { ResolvedSynthesisOptions } from './options.ts';
import { failureSchema, isTrace, presented, type Solved } from './sampling.ts';
import type { Stage } from './stage.ts';

const reviewSchema = z.union([z.object({ ok: z.literal(true), verdicts: z.array(stepLabelSchema) }), failureSchema]);

const reviewsSchema = z.array(reviewSchema.nullable());
/** [samples] null for a sample that is no trace, and so was not reviewed. */
export type Reviews = z.infer<typeof reviewsSchema>;

/**
 * @throws ERR_STEP_COUNT when the judge gives another number of verdicts than there are steps
 * @throws ERR_MODEL_FAILED when its verdicts and its first error contradict each other
 */
function toReview(judge: Judge, review: Sampled<Review>, solution: Solved): z.infer<typeof reviewSchema> {
  if (!review.ok) return { ok: false, error: review.error.message };
  const { verdicts, firstError } = review.value;
  if (verdicts.length !== solution.steps.length) {
    throw new VlprmError(
      'ERR_STEP_COUNT',
      `judge ${judge.name} gave ${verdicts.length} verdicts for ${solution.steps.length} steps`,
      {
        where: 'review',
        fix: 'repair the judge adapter: one verdict a step, null after the first error',
      },
    );
  }
  if (verdicts.indexOf(-1) !== (firstError ?? -1)) {
    throw new VlprmError('ERR_MODEL_FAILED', `judge ${judge.name} names a first error that its verdicts do not show`, {
      where: 'review',
      fix: 'repair the judge adapter: firstError is the index of the first verdict -1, or null',
    });
  }
  return { ok: true, verdicts: [...verdicts] };
}

/** Lets the judge review every solution. It does not see the reference answer. */
export function reviewingStage(judge: Judge, options: ResolvedSynthesisOptions): Stage<SampledProblem, Reviews> {
  const seed = seedFrom(options.seed, 'judge');
  return {
    name: 'judge',
    schema: reviewsSchema,
    inputs: ({ loaded, samples }) => {
      const { answer: _, ...problem } = loaded.problem;
      const solutions = samples.map((sample) => (isTrace(sample) ? sample.steps : null));
      return { problem, solutions, judge: judge.name, seed };
    },
    compute: async (problems, signal) => {
      const asked = problems.flatMap(({ loaded, samples }, problem) =>
        samples.flatMap((solution, sample) => (isTrace(solution) ? [{ loaded, problem, sample, solution }] : [])),
      );
      const { reviews, usage } =
        asked.length === 0
          ? { reviews: [], usage: NO_USAGE }
          : await judge.review(
              asked.map(({ loaded, solution }) => ({ ...presented(loaded), steps: solution.steps })),
              { seed },
              signal,
            );
      if (reviews.length !== asked.length) {
        throw new VlprmError(
          'ERR_MODEL_FAILED',
          `judge ${judge.name} gave ${reviews.length} reviews for ${asked.length} solutions`,
          {
            where: 'review',
            fix: 'repair the judge adapter: one review a solution, failed calls included',
          },
        );
      }
      const values: Reviews[] = problems.map(({ samples }) => samples.map(() => null));
      asked.forEach(({ problem, sample, solution }, i) => {
        const row = values[problem];
        if (row !== undefined) row[sample] = toReview(judge, reviews[i] as Sampled<Review>, solution);
      });
      return { values, usage };
    },
  };
}
