import { addLoads, secondsOf, type CallLoad } from './call-load.ts';
import type { ForecastEndpoint, ForecastModel } from './forecast-models.ts';

/** A model with all that is asked of it. */
export interface ModelLoad {
  readonly model: ForecastModel;
  readonly load: CallLoad;
}

function dollarsAt({ price, config }: ForecastEndpoint, load: CallLoad): number | null {
  if (price === null) return null;
  const { promptUsdPerMillion, completionUsdPerMillion } = price;
  const full = load.promptTokens * promptUsdPerMillion + load.completionTokens * completionUsdPerMillion;
  return (full / 1e6) * (config.batch?.priceFactor ?? 1);
}

/** US dollars by the price table, with the discount of a batch API; models in this process are free. Null without a price. */
export function dollarsOf(loads: readonly ModelLoad[]): number | null {
  return loads.reduce<number | null>((sum, { model: { endpoint }, load }) => {
    const usd = endpoint === null ? 0 : dollarsAt(endpoint, load);
    return sum === null || usd === null ? null : sum + usd;
  }, 0);
}

/** A limit, and the hours that a run takes at least because of it. */
export interface TimeBound {
  readonly by: string;
  readonly hours: number;
}

function boundsAt(name: string, load: CallLoad, { throughput }: ForecastEndpoint): TimeBound[] {
  const { requestsPerMinute, tokensPerMinute, maxConcurrency } = throughput;
  const tokens = load.promptTokens + load.completionTokens;
  const perMinute = (limit: string, amount: number, most: number | null): TimeBound[] =>
    most === null ? [] : [{ by: `${limit} of ${name}`, hours: amount / most / 60 }];
  return [
    ...perMinute('requestsPerMinute', load.calls, requestsPerMinute),
    ...perMinute('tokensPerMinute', tokens, tokensPerMinute),
    { by: `maxConcurrency of ${name}`, hours: secondsOf(load) / maxConcurrency / 3600 },
  ];
}

/**
 * The limit that holds longest.
 * @param inTurn what calls that wait for each other take
 * @returns null where time cannot be foreseen: models in this process, and batch APIs, which promise an answer within a day
 */
export function slowestBound(loads: readonly ModelLoad[], inTurn: TimeBound): TimeBound | null {
  const endpoints = new Map(loads.flatMap(({ model }) => (model.endpoint ? [[model.name, model.endpoint]] : [])));
  if (endpoints.size === 0 || [...endpoints.values()].some(({ config }) => config.batch !== undefined)) return null;
  const bounds = [...endpoints].flatMap(([name, endpoint]) => {
    const own = loads.filter(({ model }) => model.name === name).map(({ load }) => load);
    return boundsAt(name, addLoads(own), endpoint);
  });
  return [inTurn, ...bounds].reduce((most, bound) => (bound.hours > most.hours ? bound : most));
}
