import { z } from 'zod';
import { addCounts, type Usage } from '../records/index.ts';
import { VlprmError } from './errors.ts';

const usdPerMillion = z.number().nonnegative();

/** What a model's tokens cost, in US dollars per million. */
export const priceSchema = z.strictObject({
  promptUsdPerMillion: usdPerMillion,
  completionUsdPerMillion: usdPerMillion,
  /** For tokens of the prompt that the service had in its cache. Default: as all of the prompt. */
  cachedPromptUsdPerMillion: usdPerMillion.optional(),
});
export type Price = z.infer<typeof priceSchema>;

/** Prices by model name. Given by the configuration: prices change, so none are built in. */
export const priceTableSchema = z.record(z.string(), priceSchema);
export type PriceTable = z.infer<typeof priceTableSchema>;

/** The price of a model; null when the table does not have it. */
export function priceOf(model: string, prices: PriceTable): Price | null {
  return (Object.hasOwn(prices, model) ? prices[model] : undefined) ?? null;
}

/** The table with a model's price times a factor; a model that it does not have stays unknown. */
export function scalePrice(prices: PriceTable, model: string, factor: number): PriceTable {
  const price = priceOf(model, prices);
  if (price === null) return prices;
  const { cachedPromptUsdPerMillion: cached } = price;
  const scaled = {
    promptUsdPerMillion: price.promptUsdPerMillion * factor,
    completionUsdPerMillion: price.completionUsdPerMillion * factor,
    ...(cached === undefined ? {} : { cachedPromptUsdPerMillion: cached * factor }),
  };
  return { ...prices, [model]: scaled };
}

/** Cost of tokens in US dollars. What is free costs nothing, however many tokens there are; else unknown stays null. */
function costOf(tokens: number | null, perMillion: number): number | null {
  if (perMillion === 0) return 0;
  return tokens === null ? null : (tokens * perMillion) / 1e6;
}

/**
 * The usage with its cost in US dollars by the table. A cost that the service itself reported stays.
 * `usd` is null, unknown, when the table does not have the model or the tokens are not known: never 0 by default.
 * @param cachedPromptTokens tokens of the prompt that came from the service's cache, at their own price
 */
export function priceUsage(usage: Usage, model: string, prices: PriceTable, cachedPromptTokens = 0): Usage {
  const price = priceOf(model, prices);
  if (usage.usd !== null || price === null) return usage;
  const { promptUsdPerMillion, completionUsdPerMillion, cachedPromptUsdPerMillion = promptUsdPerMillion } = price;
  const parts = [
    costOf(usage.promptTokens === null ? null : usage.promptTokens - cachedPromptTokens, promptUsdPerMillion),
    costOf(cachedPromptTokens, cachedPromptUsdPerMillion),
    costOf(usage.completionTokens, completionUsdPerMillion),
  ];
  return { ...usage, usd: parts.reduce(addCounts, 0) };
}

/** @throws ERR_CONFIG for a model that the table has no price for: a budget in dollars could not be kept */
export function requirePrices(models: readonly string[], prices: PriceTable): void {
  for (const model of models) {
    if (priceOf(model, prices) !== null) continue;
    throw new VlprmError('ERR_CONFIG', `a budget in dollars, and no price for model ${JSON.stringify(model)}`, {
      where: 'prices',
      fix: 'give its price per million tokens (0 for a server of your own), or limit calls or tokens instead',
    });
  }
}
