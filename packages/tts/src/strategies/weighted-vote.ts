import type { Aggregation } from '@vlprm/core/records';
import { aggregateScores } from '@vlprm/core/statistics';
import { chooseByVote, readingOf } from './choice.ts';
import type { SelectionStrategy } from './strategy.ts';

/**
 * How a candidate's step scores become the weight of its vote. `min` was fixed before any result was seen:
 * a chain is as good as its weakest step, and earlier measurements had min-weighted votes ahead of last-step ones.
 */
export const DEFAULT_VOTE_AGGREGATION: Aggregation = 'min';

/**
 * Weighted best-of-N: every candidate votes for its answer with the aggregate of its step scores, and the answer
 * with the largest sum wins (Li et al. 2022, arXiv 2206.02336).
 */
export function weightedVote(aggregation: Aggregation = DEFAULT_VOTE_AGGREGATION): SelectionStrategy {
  return {
    kind: 'selection',
    id: 'weighted-vote',
    need: 'stepwise',
    select: (candidates) =>
      chooseByVote(candidates, 'stepwise', (candidate) =>
        aggregateScores(readingOf(candidate, 'stepwise').probabilities, aggregation),
      ),
  };
}
