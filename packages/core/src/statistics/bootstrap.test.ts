import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../runtime/random.ts';
import { bootstrapMean, bootstrapMeans, bootstrapRows, bootstrapTotals, pairedGain } from './bootstrap.ts';

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const width = ({ low, high }: { low: number; high: number }): number => high - low;

/** Rows of a Bernoulli variable, and its clusters of the given size. */
function bernoulli(
  rows: number,
  rate: number,
  clusterSize: number,
  seed: number,
): { values: number[]; clusters: number[] } {
  const random = createRandom(seed);
  const values: number[] = [];
  const clusters: number[] = [];
  for (let cluster = 0; cluster * clusterSize < rows; cluster++) {
    const value = Number(random.uniform() < rate);
    for (let i = 0; i < clusterSize; i++) {
      values.push(value);
      clusters.push(cluster);
    }
  }
  return { values, clusters };
}

describe('bootstrapMean', () => {
  it('agrees with the normal interval of a mean on many independent rows', () => {
    const { values, clusters } = bernoulli(1000, 0.3, 1, 1);
    const rate = meanOf(values);
    const margin = 1.96 * Math.sqrt((rate * (1 - rate)) / 1000);
    const estimate = bootstrapMean(values, clusters, { seed: 2 });
    expect(estimate.value).toBeCloseTo(rate, 15);
    expect(estimate.low).toBeCloseTo(rate - margin, 2);
    expect(estimate.high).toBeCloseTo(rate + margin, 2);
    expect(estimate).toMatchObject({ clusters: 1000, undefinedResamples: 0 });
  });

  it('covers the true mean in about 95% of repetitions', () => {
    let covered = 0;
    for (let seed = 0; seed < 400; seed++) {
      const { values, clusters } = bernoulli(300, 0.4, 3, 1000 + seed);
      const { low, high } = bootstrapMean(values, clusters, { seed, resamples: 400 });
      covered += Number(low <= 0.4 && 0.4 <= high);
    }
    expect(covered / 400).toBeGreaterThan(0.91);
    expect(covered / 400).toBeLessThan(0.98);
  });

  it('is not narrowed by copies of a row in the same cluster', () => {
    const single = bernoulli(200, 0.5, 1, 3);
    const copied = {
      values: [0, 1, 2, 3].flatMap(() => single.values),
      clusters: [0, 1, 2, 3].flatMap(() => single.clusters),
    };
    const clustered = bootstrapMean(copied.values, copied.clusters, { seed: 4 });
    expect(width(clustered)).toBeCloseTo(width(bootstrapMean(single.values, single.clusters, { seed: 4 })), 12);
    const naive = bootstrapMean(
      copied.values,
      copied.values.map((_, row) => row),
      { seed: 4 },
    );
    expect(width(naive)).toBeLessThan(0.7 * width(clustered));
  });

  it('depends on the seed alone, and widens with the level', () => {
    const { values, clusters } = bernoulli(100, 0.5, 2, 5);
    expect(bootstrapMean(values, clusters, { seed: 6 })).toEqual(bootstrapMean(values, clusters, { seed: 6 }));
    expect(bootstrapMean(values, clusters, { seed: 6 })).not.toEqual(bootstrapMean(values, clusters, { seed: 7 }));
    expect(width(bootstrapMean(values, clusters, { seed: 6, level: 0.99 }))).toBeGreaterThan(
      width(bootstrapMean(values, clusters, { seed: 6, level: 0.8 })),
    );
  });

  it.each([
    ['no rows', [], [], {}],
    ['clusters that do not match', [1], ['a', 'b'], {}],
    ['no resamples', [1], ['a'], { resamples: 0 }],
    ['a level of 95', [1], ['a'], { level: 95 }],
    ['a negative seed', [1], ['a'], { seed: -1 }],
  ])('refuses %s', (_, values, clusters, options) => {
    expect(() => bootstrapMean(values, clusters, { seed: 0, ...options })).toThrow(
      expect.objectContaining({ code: 'ERR_RANGE' }),
    );
  });
});

describe('bootstrapTotals and bootstrapRows', () => {
  const f1 = (truePositive: number, falsePositive: number, falseNegative: number): number =>
    (2 * truePositive) / (2 * truePositive + falsePositive + falseNegative);

  test.prop([fc.array(fc.tuple(fc.nat(5), fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 40 }), fc.nat()])(
    'agree on a statistic that depends on sums, resample by resample',
    (data, seed) => {
      const clusters = data.map(([cluster]) => cluster);
      const counts = data.map(([, flagged, wrong]) => [
        Number(flagged && wrong),
        Number(flagged && !wrong),
        Number(!flagged && wrong),
      ]);
      const options = { seed, resamples: 50 };
      const totals = bootstrapTotals(
        counts,
        clusters,
        ([tp, fp, fn]) => f1(tp as number, fp as number, fn as number),
        options,
      );
      const rows = bootstrapRows(
        clusters,
        (drawn) => {
          const column = (c: number): number => drawn.reduce((total, row) => total + (counts[row]?.[c] as number), 0);
          return f1(column(0), column(1), column(2));
        },
        options,
      );
      expect(rows).toEqual(totals);
    },
  );

  it('leaves out resamples where the statistic is not defined, and says how many', () => {
    const estimate = bootstrapTotals([[1], [0]], ['a', 'b'], ([count]) => (count === 0 ? Number.NaN : 1), {
      seed: 8,
      resamples: 400,
    });
    expect(estimate).toMatchObject({ value: 1, low: 1, high: 1 });
    expect(estimate.undefinedResamples).toBeGreaterThan(60);
    expect(estimate.undefinedResamples).toBeLessThan(140);
  });

  it('has no interval when the statistic is never defined', () => {
    const estimate = bootstrapRows(['a'], () => Number.NaN, { seed: 9, resamples: 10 });
    expect(estimate.value).toBeNaN();
    expect(estimate.low).toBeNaN();
    expect(estimate.undefinedResamples).toBe(10);
  });

  it('refuses ragged rows', () => {
    expect(() => bootstrapTotals([[1, 2], [1]], ['a', 'b'], () => 0, { seed: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_RANGE' }),
    );
  });
});

describe('pairedGain', () => {
  it('cancels what both methods share', () => {
    const { values: base, clusters } = bernoulli(400, 0.5, 1, 10);
    const better = base.map((value, row) => (row % 20 === 0 ? 1 : value));
    const gain = pairedGain(better, base, clusters, { seed: 11 });
    expect(gain.value).toBeCloseTo(meanOf(better) - meanOf(base), 15);
    expect(gain.low).toBeGreaterThan(0);
    expect(width(gain)).toBeLessThan(0.5 * width(bootstrapMean(base, clusters, { seed: 11 })));
  });

  it('is exactly 0 between a method and itself', () => {
    expect(pairedGain([1, 0, 1], [1, 0, 1], ['a', 'b', 'c'], { seed: 12 })).toMatchObject({
      value: 0,
      low: 0,
      high: 0,
    });
  });

  it('refuses rows that have no partner', () => {
    expect(() => pairedGain([1, 0], [1], ['a', 'b'], { seed: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_RANGE' }),
    );
  });
});

describe('bootstrapMeans', () => {
  const { values, clusters } = bernoulli(300, 0.4, 3, 11);
  const others = bernoulli(300, 0.7, 1, 12).values;

  it('is bootstrapMean of every column', () => {
    const columns = [values, others];
    const estimates = bootstrapMeans(columns, clusters, { seed: 5 });
    for (const [column, own] of columns.entries()) {
      const alone = bootstrapMean(own, clusters, { seed: 5 });
      expect(estimates[column]?.value).toBeCloseTo(alone.value, 12);
      expect(estimates[column]?.low).toBeCloseTo(alone.low, 12);
      expect(estimates[column]?.high).toBeCloseTo(alone.high, 12);
    }
  });

  it('leaves out what has no value', () => {
    const gaps = values.map((value, row) => (row % 2 === 0 ? value : null));
    const [half, none] = bootstrapMeans([gaps, gaps.map(() => null)], clusters, { seed: 5 });
    expect(half?.value).toBeCloseTo(meanOf(values.filter((_, row) => row % 2 === 0)), 12);
    expect(width(half ?? { low: 0, high: 0 })).toBeGreaterThan(0);
    expect(none).toBeNull();
  });

  it('leaves out resamples without any value of a column', () => {
    const [rare] = bootstrapMeans([[1, null, null]], ['a', 'b', 'c'], { seed: 5 });
    expect(rare).toMatchObject({ value: 1, low: 1, high: 1 });
    // A resample of three misses one cluster with probability (2/3)^3 = 0.296.
    expect(rare?.undefinedResamples).toBeGreaterThan(500);
    expect(rare?.undefinedResamples).toBeLessThan(700);
  });

  it('refuses columns of another length', () => {
    expect(() => bootstrapMeans([[1, 2]], ['a'], { seed: 1 })).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });
});
