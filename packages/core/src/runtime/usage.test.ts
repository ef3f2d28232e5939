import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '../records/index.ts';
import type { Usage } from '../records/index.ts';
import { priceTableSchema, priceUsage } from './prices.ts';
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

  it('has no negative or misspelt prices', () => {
    expect(priceTableSchema.safeParse({ a: { promptUsdPerMillion: -1, completionUsdPerMillion: 0 } }).success).toBe(
      false,
    );
    expect(priceTableSchema.safeParse({ a: { prompt: 1, completion: 0 } }).success).toBe(false);
  });
});
