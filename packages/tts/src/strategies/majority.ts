import { chooseByVote } from './choice.ts';
import type { SelectionStrategy } from './strategy.ts';

/** Self-consistency (Wang et al. 2022, arXiv 2203.11171): the most frequent answer. */
export const majority: SelectionStrategy = {
  kind: 'selection',
  id: 'majority',
  need: 'nothing',
  select: (candidates) => chooseByVote(candidates, 'nothing', () => 1),
};
