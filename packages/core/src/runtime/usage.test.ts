import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '../records/index.ts';
import type { Usage } from '../records/index.ts';
import { parseRecord } from './parse-record.ts';
import { priceTableSchema, priceUsage, requirePrices } from './prices.ts';
import { createUsageMeter } from './usage-meter.ts';

const spent: Usage = { calls: 2, promptTokens: 3_000_000, completionTokens: 500_000, usd: null };
const prices = priceTableSchema.parse({ judge: { promptUsdPerMillion: 1.1, completionUsdPerMillion: 4.4 } });

describe('createUsageMeter', () => {
  it('sums by stage and over all stages', () => {
    const meter = createUsageMeter();
    expect(meter.total()).toEqual(NO_USAGE);
    meter.add('sample', { calls: 1, promptTokens: 5, completionTokens: 2, usd: 0.5 });
    meter.add('sample', { calls: 1, promptTokens: 5, completionTokens: 2, usd: 0.25 });
    meter.add('judge', { calls: 3, promptTokens: null, completionTokens: 1, usd: 1 });
    expect(meter.total('sample')).toEqual({ calls: 2, promptTokens: 10, completionTokens: 4, usd: 0.75 });
    expect(meter.total('train')).toEqual(NO_USAGE);
    expect(meter.total()).toEqual({ calls: 5, promptTokens: null, completionTokens: 5, usd: 1.75 });
    expect(Object.keys(meter.byStage())).toEqual(['sample', 'judge']);
  });
});

describe('priceUsage', () => {
  it('prices tokens per million', () => {
    expect(priceUsage(spent, 'judge', prices).usd).toBeCloseTo(3 * 1.1 + 0.5 * 4.4, 12);
  });

  it('leaves unknown what it cannot know', () => {
    expect(priceUsage(spent, 'policy', prices).usd).toBeNull();
    expect(priceUsage(spent, 'toString', prices).usd).toBeNull();
    expect(priceUsage({ ...spent, completionTokens: null }, 'judge', prices).usd).toBeNull();
  });

  it('keeps a cost that the service reported', () => {
    expect(priceUsage({ ...spent, usd: 0.01 }, 'judge', prices).usd).toBe(0.01);
  });

  it('knows that what is free costs nothing', () => {
    const free = { local: { promptUsdPerMillion: 0, completionUsdPerMillion: 0 } };
    expect(priceUsage({ ...spent, promptTokens: null, completionTokens: null }, 'local', free).usd).toBe(0);
  });

  it('prices what came from the cache of the service apart', () => {
    const table = { m: { promptUsdPerMillion: 2, completionUsdPerMillion: 4, cachedPromptUsdPerMillion: 1 } };
    expect(priceUsage(spent, 'm', table, 1_000_000).usd).toBeCloseTo(2 * 2 + 1 * 1 + 0.5 * 4, 12);
    expect(priceUsage(spent, 'judge', prices, 1_000_000).usd).toBeCloseTo(3 * 1.1 + 0.5 * 4.4, 12);
    expect(priceUsage({ ...spent, promptTokens: null }, 'm', table, 5).usd).toBeNull();
  });

  it.each([
    ['a negative number', { m: { promptUsdPerMillion: -1, completionUsdPerMillion: 0 } }, 'm.promptUsdPerMillion'],
    ['a missing price', { m: { promptUsdPerMillion: 1 } }, 'm.completionUsdPerMillion'],
    ['a misspelt key', { m: { promptUsdPerMillion: 1, completionUsdPerMillion: 0, promt: 1 } }, 'm'],
  ])('refuses %s in one line that names the key', (_, table, path) => {
    const parse = (): unknown => parseRecord(priceTableSchema, table, 'prices', 'ERR_CONFIG');
    expect(parse).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', where: `prices: ${path}` }));
  });

  it('names the model that a budget in dollars has no price for', () => {
    expect(() => {
      requirePrices(['judge', 'policy'], prices);
    }).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining('"policy"') as string }));
    expect(() => {
      requirePrices(['judge'], prices);
    }).not.toThrow();
  });
});
