import type { Aggregation } from '@vlprm/core/records';
import { aggregateScores } from '@vlprm/core/statistics';
import { chooseBest } from './choice.ts';
import type { SelectionStrategy } from './strategy.ts';

/** Best-of-N by one number made of the step scores: the candidate with the largest aggregate wins. */
function stepAggregation(id: string, aggregation: Aggregation): SelectionStrategy {
  return {
    kind: 'selection',
    id,
    need: 'stepwise',
    select: (candidates) =>
      chooseBest(candidates, 'stepwise', ({ probabilities }) => aggregateScores(probabilities, aggregation)),
  };
}

/** The paper's step-score aggregation: the arithmetic mean over the steps. */
export const stepMean = stepAggregation('step-mean', 'mean');

/** The weakest step decides (Let's Verify Step by Step, arXiv 2305.20050, uses this and the product). */
export const stepMin = stepAggregation('step-min', 'min');

/** The last step's score alone: for a PRM of cumulative semantics, that of the whole chain. */
export const stepLast = stepAggregation('step-last', 'last');
