import { chooseBest } from './choice.ts';
import type { SelectionStrategy } from './strategy.ts';

/** The paper's non-greedy search (arXiv 2509.23250): each whole solution is scored once, as one step; the best wins. */
export const oneShot: SelectionStrategy = {
  kind: 'selection',
  id: 'one-shot',
  need: 'whole',
  select: (candidates) => chooseBest(candidates, 'whole', ({ probabilities }) => probabilities[0] as number),
};
