import type { Aggregation } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';

function fold(scores: ArrayLike<number>, start: number, combine: (total: number, score: number) => number): number {
  let total = start;
  for (let i = 0; i < scores.length; i++) total = combine(total, scores[i] as number);
  return total;
}

const sum = (scores: ArrayLike<number>, of: (score: number) => number = (score) => score): number =>
  fold(scores, 0, (total, score) => total + of(score));

const AGGREGATIONS: Readonly<Record<Aggregation, (scores: ArrayLike<number>) => number>> = {
  min: (scores) => fold(scores, Infinity, Math.min),
  max: (scores) => fold(scores, -Infinity, Math.max),
  mean: (scores) => sum(scores) / scores.length,
  last: (scores) => scores[scores.length - 1] as number,
  product: (scores) => fold(scores, 1, (total, score) => total * score),
  geometricMean: (scores) => Math.exp(sum(scores, Math.log) / scores.length),
};

/**
 * One score of a solution from the scores of its steps, each a probability in [0, 1]; so is the result.
 * ERR_TRACE_EMPTY without steps (an empty solution has no score, not 0); ERR_RANGE for a score outside of [0, 1].
 */
export function aggregateScores(scores: ArrayLike<number>, aggregation: Aggregation): number {
  if (scores.length === 0) {
    throw new VlprmError('ERR_TRACE_EMPTY', 'no step scores to aggregate', { fix: 'drop solutions without steps' });
  }
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (!(score >= 0 && score <= 1)) {
      throw new VlprmError('ERR_RANGE', `a step score of ${score}`, { where: `step ${i}`, fix: 'give probabilities' });
    }
  }
  return AGGREGATIONS[aggregation](scores);
}
