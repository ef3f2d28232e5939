import type { Judge, Policy, Prefix } from '@vlprm/core';
import type { StepLabel, StepValue } from '@vlprm/core/records';
import { createAnswerChecker } from '@vlprm/core/text';
import { asSolution, type KnownSolution } from './scored-solutions.ts';

/** What labels of a solution would be made of. */
export interface Annotation {
  /** Verdict per step; null from the judge's first error on, or when the review failed. */
  readonly judge: readonly StepLabel[];
  /** Rollouts per step. */
  readonly values: readonly StepValue[];
}

export interface Annotators {
  readonly policy: Policy;
  readonly judge: Judge;
  readonly rollouts: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

async function reviewAll(
  solutions: readonly KnownSolution[],
  { judge, seed, signal }: Annotators,
): Promise<StepLabel[][]> {
  const { reviews } = await judge.review(
    solutions.map((solution) => asSolution(solution)),
    { seed },
    signal,
  );
  return solutions.map(({ steps }, i) => {
    const review = reviews[i];
    return review?.ok === true ? [...review.value.verdicts] : steps.map(() => null);
  });
}

async function rollOut(
  { puzzle, steps }: KnownSolution,
  { policy, rollouts, seed, signal }: Annotators,
): Promise<StepValue[]> {
  const prefixes = steps.map((_, step): Prefix => asSolution({ puzzle, steps: steps.slice(0, step + 1) }));
  const { proposals } = await policy.propose(prefixes, { n: rollouts, stop: 'end', seed }, signal);
  const checker = createAnswerChecker();
  const { answer, options } = puzzle.problem;
  return proposals.map((samples) => {
    const ended = samples.flatMap((sample) => (sample.ok ? [sample.value.finalAnswer] : []));
    const outcomes = checker.check(ended.map((given) => ({ answer: given, reference: answer ?? '', options })));
    const count = (outcome: string): number => outcomes.filter((one) => one === outcome).length;
    return {
      correct: count('correct'),
      incorrect: count('incorrect'),
      unparsable: count('unparsable'),
      failed: samples.length - ended.length,
      budget: rollouts,
    };
  });
}

/** Judge verdicts and rollouts for solutions that are shown, not trained on. */
export async function annotate(solutions: readonly KnownSolution[], annotators: Annotators): Promise<Annotation[]> {
  const verdicts = await reviewAll(solutions, annotators);
  const annotations: Annotation[] = [];
  for (const [i, solution] of solutions.entries()) {
    annotations.push({ judge: verdicts[i] ?? [], values: await rollOut(solution, annotators) });
  }
  return annotations;
}
