import { z } from 'zod';
import type { Usage } from '../records/index.ts';

const usdPerMillion = z.number().nonnegative();

/** What a model's tokens cost, in US dollars per million. */
export const priceSchema = z.strictObject({
  promptUsdPerMillion: usdPerMillion,
  completionUsdPerMillion: usdPerMillion,
});
export type Price = z.infer<typeof priceSchema>;

/** Prices by model name. Given by the configuration: prices change, so none are built in. */
export const priceTableSchema = z.record(z.string(), priceSchema);
export type PriceTable = z.infer<typeof priceTableSchema>;

/**
 * The usage with its cost in US dollars by the table. A cost that the service itself reported stays.
 * `usd` is null, unknown, when the table does not have the model or the tokens are not known: never 0 by default.
 */
export function priceUsage(usage: Usage, model: string, prices: PriceTable): Usage {
  if (usage.usd !== null) return usage;
  const price = Object.hasOwn(prices, model) ? prices[model] : undefined;
  if (!price || usage.promptTokens === null || usage.completionTokens === null) return usage;
  const usd =
    (usage.promptTokens * price.promptUsdPerMillion + usage.completionTokens * price.completionUsdPerMillion) / 1e6;
  return { ...usage, usd };
}
