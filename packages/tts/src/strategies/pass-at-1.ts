import type { SelectionStrategy } from './strategy.ts';

/**
 * One sample, taken as it is. Over n samples its accuracy is measured as the mean over all of them: the
 * expected accuracy of one, with less variance than that of the first.
 */
export const passAt1: SelectionStrategy = {
  kind: 'selection',
  id: 'pass-at-1',
  need: 'nothing',
  spendsOne: true,
  select: (candidates) => ({ chosen: 0, tied: candidates.map((_, position) => position), score: null }),
};
