import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { betaQuantile } from './betaQuantile.ts';

const { cases } = JSON.parse(readFileSync(new URL('../../golden/beta-quantiles.json', import.meta.url), 'utf8')) as {
  cases: [probability: number, a: number, b: number, quantile: number][];
};

describe('quantiles of the Beta distribution', () => {
  test('agree with SciPy to a relative 1e-8', () => {
    for (const [probability, a, b, quantile] of cases) {
      expect(Math.abs(betaQuantile(probability, a, b) / quantile - 1), `Q(${probability}; ${a}, ${b})`).toBeLessThan(
        1e-8,
      );
    }
  });

  test('of a uniform distribution are the probabilities', () => {
    for (const probability of [1e-9, 0.3, 0.5, 0.999]) {
      expect(betaQuantile(probability, 1, 1)).toBeCloseTo(probability, 12);
    }
  });

  test('with two billion observations end, and lie about the mean', () => {
    const half = 2 ** 30;
    expect(betaQuantile(0.5, half, half)).toBeCloseTo(0.5, 9);
    expect(betaQuantile(0.025, half, half)).toBeLessThan(0.5);
  });

  test('below what numbers can hold are 0', () => {
    expect(betaQuantile(1e-40, 0.1, 1e6)).toBe(0);
  });
});
