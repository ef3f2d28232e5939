export { guidedGreedy, DEFAULT_MAX_STEPS } from './guided-greedy.ts';
export { majority } from './majority.ts';
export { oneShot } from './one-shot.ts';
export { oracle } from './oracle.ts';
export { passAt1 } from './pass-at-1.ts';
export {
  createStrategies,
  STRATEGY_IDS,
  strategiesWithoutPrm,
  strategyById,
  type StrategyId,
  type StrategyOptions,
} from './registry.ts';
export { stepLast, stepMean, stepMin } from './step-aggregation.ts';
export type {
  BoundStrategy,
  Candidate,
  Need,
  Reading,
  SearchContext,
  SearchLane,
  SearchNode,
  SearchResult,
  SearchStrategy,
  Selection,
  SelectionStrategy,
  Strategy,
} from './strategy.ts';
export { DEFAULT_VOTE_AGGREGATION, weightedVote } from './weighted-vote.ts';
