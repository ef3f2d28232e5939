import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { bestOfNAccuracy, passAtK } from './best-of-n.ts';

/** All subsets of `size` of the indices 0..of-1. */
function subsets(of: number, size: number): number[][] {
  if (size === 0) return [[]];
  if (of < size) return [];
  return [...subsets(of - 1, size), ...subsets(of - 1, size - 1).map((subset) => [...subset, of - 1])];
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Share of right answers among the best-scored members of a subset. */
function shareOfBest(subset: number[], scores: number[], correct: boolean[]): number {
  const top = Math.max(...subset.map((i) => scores[i] as number));
  const best = subset.filter((i) => scores[i] === top);
  return mean(best.map((i) => Number(correct[i])));
}

const samples = fc.array(fc.tuple(fc.constantFrom(0, 0.25, 0.5, 0.75, 1), fc.boolean()), {
  minLength: 1,
  maxLength: 8,
});

describe('bestOfNAccuracy', () => {
  test.prop([samples, fc.nat()])('equals the mean over all subsets, ties shared', (rows, draw) => {
    const n = 1 + (draw % rows.length);
    const scores = rows.map(([score]) => score);
    const correct = rows.map(([, right]) => right);
    const expected = mean(subsets(rows.length, n).map((subset) => shareOfBest(subset, scores, correct)));
    expect(bestOfNAccuracy(scores, correct, n)).toBeCloseTo(expected, 12);
  });

  it('is the share of right samples at n = 1, and the verdict on the best one at n = M', () => {
    expect(bestOfNAccuracy([0.1, 0.9, 0.5, 0.2], [true, false, true, true], 1)).toBeCloseTo(0.75, 15);
    expect(bestOfNAccuracy([0.1, 0.9, 0.5, 0.2], [true, false, true, true], 4)).toBe(0);
  });

  it.each([0, 3, 1.5])('refuses n = %s of 2', (n) => {
    expect(() => bestOfNAccuracy([0.1, 0.2], [true, false], n)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });

  it('refuses a score that is not a number, and verdicts that do not match', () => {
    expect(() => bestOfNAccuracy([Number.NaN], [true], 1)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
    expect(() => bestOfNAccuracy([1], [], 1)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });
});

describe('passAtK', () => {
  test.prop([fc.integer({ min: 1, max: 8 }), fc.nat(), fc.nat()])(
    'equals the share of subsets with a right sample',
    (n, a, b) => {
      const correct = a % (n + 1);
      const k = 1 + (b % n);
      const expected = mean(subsets(n, k).map((subset) => Number(subset.some((i) => i < correct))));
      expect(passAtK(n, correct, k)).toBeCloseTo(expected, 12);
    },
  );

  it('is certain when fewer than k samples are wrong', () => {
    expect(passAtK(200, 150, 64)).toBe(1);
    expect(passAtK(16, 0, 16)).toBe(0);
  });

  it.each([
    [4, 5, 1],
    [4, -1, 1],
    [4, 2, 5],
    [0, 0, 1],
  ])('refuses n = %s, c = %s, k = %s', (n, c, k) => {
    expect(() => passAtK(n, c, k)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });
});
