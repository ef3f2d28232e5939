import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { aggregationSchema } from '../records/index.ts';
import { aggregateScores } from './aggregation.ts';

const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });

describe('aggregateScores', () => {
  it.each([
    ['min', 0.125],
    ['max', 1],
    ['mean', 0.5416666666666666],
    ['last', 0.5],
    ['product', 0.0625],
    ['geometricMean', 0.39685026299204984],
  ] as const)('%s of 1/8, 1, 1/2', (aggregation, expected) => {
    expect(aggregateScores([0.125, 1, 0.5], aggregation)).toBeCloseTo(expected, 15);
  });

  it('is 0 for product and geometric mean when one step is impossible', () => {
    expect(aggregateScores([0, 0.9], 'product')).toBe(0);
    expect(aggregateScores([0, 0.9], 'geometricMean')).toBe(0);
  });

  it.each(aggregationSchema.options)('reference issue: %s of no steps is an error, not 0', (aggregation) => {
    expect(() => aggregateScores([], aggregation)).toThrow(expect.objectContaining({ code: 'ERR_TRACE_EMPTY' }));
  });

  it.each([Number.NaN, -0.1, 1.1, Infinity])('refuses a score of %s', (score) => {
    expect(() => aggregateScores([0.5, score], 'min')).toThrow(
      expect.objectContaining({ code: 'ERR_RANGE', where: 'step 1' }),
    );
  });

  test.prop([scores])('orders product <= min <= geometric mean <= mean <= max', (steps) => {
    const [product, min, geometric, mean, max] = (['product', 'min', 'geometricMean', 'mean', 'max'] as const).map(
      (aggregation) => aggregateScores(steps, aggregation),
    ) as [number, number, number, number, number];
    const slack = 1e-12;
    expect(product).toBeLessThanOrEqual(min + slack);
    expect(min).toBeLessThanOrEqual(geometric + slack);
    expect(geometric).toBeLessThanOrEqual(mean + slack);
    expect(mean).toBeLessThanOrEqual(max + slack);
  });

  test.prop([fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(...aggregationSchema.options)])(
    'of one step is the score of that step',
    (score, aggregation) => {
      expect(aggregateScores(new Float64Array([score]), aggregation)).toBeCloseTo(score, 14);
    },
  );
});
