import { describe, expect, it } from 'vitest';
import { quantileOfSorted, wilsonInterval } from './intervals.ts';

describe('wilsonInterval', () => {
  /** Limits solve (rate - p)^2 = z^2 p (1 - p) / n; solved apart by bisection in 50-digit decimals. */
  it.each([
    [8, 10, 0.49016247153664174, 0.943317848545624737],
    [0, 16, 0, 0.193607680534436484],
    [16, 16, 0.806392319465563515, 1],
    [1, 2, 0.094531205734230729, 0.90546879426576927],
    [300, 640, 0.43039005293949369, 0.507482851248337193],
  ])('%i of %i', (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval.low).toBeCloseTo(low, 12);
    expect(interval.high).toBeCloseTo(high, 12);
  });

  it('knows nothing without trials', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });

  it.each([
    [3, 2],
    [-1, 2],
    [Number.NaN, 2],
    [1, Infinity],
  ])('refuses %s of %s', (successes, trials) => {
    expect(() => wilsonInterval(successes, trials)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });
});

describe('quantileOfSorted', () => {
  it('interpolates between order statistics', () => {
    expect(quantileOfSorted([1, 2, 4], 0)).toBe(1);
    expect(quantileOfSorted([1, 2, 4], 0.75)).toBe(3);
    expect(quantileOfSorted([1, 2, 4], 1)).toBe(4);
    expect(quantileOfSorted([], 0.5)).toBeNaN();
  });
});
