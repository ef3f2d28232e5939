import type { Aggregation } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';
import { guidedGreedy } from './guided-greedy.ts';
import { majority } from './majority.ts';
import { oneShot } from './one-shot.ts';
import { oracle } from './oracle.ts';
import { passAt1 } from './pass-at-1.ts';
import { stepLast, stepMean, stepMin } from './step-aggregation.ts';
import type { Strategy } from './strategy.ts';
import { weightedVote } from './weighted-vote.ts';

/** Ids in the order in which tables show them: bounds and the baseline first. */
export const STRATEGY_IDS = [
  'pass-at-1',
  'oracle',
  'majority',
  'one-shot',
  'step-mean',
  'step-min',
  'step-last',
  'weighted-vote',
  'guided-greedy',
] as const;
export type StrategyId = (typeof STRATEGY_IDS)[number];

export interface StrategyOptions {
  /** How a candidate's step scores become the weight of its vote in `weighted-vote`; default `min`. */
  readonly voteAggregation?: Aggregation | undefined;
}

/** Every strategy by its published id. */
export function createStrategies({ voteAggregation }: StrategyOptions = {}): ReadonlyMap<string, Strategy> {
  const all: Record<StrategyId, Strategy> = {
    'pass-at-1': passAt1,
    oracle,
    majority,
    'one-shot': oneShot,
    'step-mean': stepMean,
    'step-min': stepMin,
    'step-last': stepLast,
    'weighted-vote': weightedVote(voteAggregation),
    'guided-greedy': guidedGreedy,
  };
  return new Map(STRATEGY_IDS.map((id) => [id, all[id]]));
}

/**
 * The strategy with this id.
 * @throws ERR_STRATEGY_UNKNOWN with the ids that there are.
 */
export function strategyById(id: string, options: StrategyOptions = {}): Strategy {
  const strategy = createStrategies(options).get(id);
  if (strategy !== undefined) return strategy;
  throw new VlprmError('ERR_STRATEGY_UNKNOWN', `no strategy is called ${JSON.stringify(id)}`, {
    fix: `use one of ${STRATEGY_IDS.join(', ')}`,
  });
}

/** Ids of the strategies that can answer without a PRM. */
export function strategiesWithoutPrm(): string[] {
  return [...createStrategies().values()]
    .filter((strategy) => strategy.kind === 'selection' && strategy.need === 'nothing')
    .map((strategy) => strategy.id);
}
