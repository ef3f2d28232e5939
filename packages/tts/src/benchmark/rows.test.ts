import { describe, expect, test } from 'vitest';
import type { ProblemResult } from './outcomes.ts';
import { benchmarkRows, defaultPairs, pairedRows, type ProblemRow } from './rows.ts';

const result = (
  strategy: string,
  n: number,
  value: number | null,
  more: Partial<ProblemResult> = {},
): ProblemResult => ({
  strategy,
  n,
  value,
  answer: null,
  chosen: null,
  score: null,
  failedSamples: 0,
  cost: { policyTokens: 10, prmForwards: 2, prmTokens: 30 },
  walked: null,
  ...more,
});

/** Problems of one strategy with these values, each its own group. */
const column = (strategy: string, values: readonly (number | null)[]): ProblemRow[] =>
  values.map((value, i) => ({ groupId: `g${i}`, results: [result(strategy, 2, value)] }));

describe('benchmarkRows', () => {
  test('accuracy, its interval and totals over the problems that count', () => {
    const [row] = benchmarkRows(column('majority', [1, 0.5, 0, 1]), 7);
    expect(row).toMatchObject({
      strategy: 'majority',
      n: 2,
      accuracy: 0.625,
      problems: 4,
      excluded: 0,
      policyTokens: 40,
      prmForwards: 8,
      prmTokens: 120,
    });
    expect(row!.ci95[0]).toBeLessThan(0.625);
    expect(row!.ci95[1]).toBeGreaterThan(0.625);
  });

  test('a problem that could not be concluded is excluded and counted, not wrong', () => {
    const [row] = benchmarkRows(column('majority', [1, null, 1]), 7);
    expect(row).toMatchObject({ accuracy: 1, ci95: [1, 1], problems: 2, excluded: 1, policyTokens: 20 });
  });

  test('tokens that one service did not count are unknown in the total', () => {
    const uncounted = result('majority', 2, 1, { cost: { policyTokens: null, prmForwards: 2, prmTokens: 30 } });
    const [row] = benchmarkRows([...column('majority', [1]), { groupId: 'g1', results: [uncounted] }], 7);
    expect(row).toMatchObject({ policyTokens: null, prmForwards: 4 });
  });

  test('failed samples are counted whether or not their problem counts', () => {
    const rows: ProblemRow[] = [
      { groupId: 'a', results: [result('majority', 2, 1, { failedSamples: 1 })] },
      { groupId: 'b', results: [result('majority', 2, null, { failedSamples: 2 })] },
    ];
    expect(benchmarkRows(rows, 7)[0]?.failedSamples).toBe(3);
  });

  test('a strategy without any concluded problem is an error', () => {
    expect(() => benchmarkRows(column('majority', [null, null]), 7)).toThrow(
      expect.objectContaining({ code: 'ERR_MODEL_FAILED' }),
    );
  });

  test('problems of one group are drawn together: their interval is wider', () => {
    const values = Array.from({ length: 40 }, (_, i) => (i < 20 ? 1 : 0));
    const alone = benchmarkRows(column('majority', values), 7)[0]!;
    const grouped = benchmarkRows(
      column('majority', values).map((row, i) => ({ ...row, groupId: `g${Math.floor(i / 10)}` })),
      7,
    )[0]!;
    const width = ({ ci95 }: typeof alone): number => ci95[1] - ci95[0];
    expect(width(grouped)).toBeGreaterThan(1.5 * width(alone));
  });
});

describe('pairedRows', () => {
  const both = (a: (number | null)[], b: (number | null)[]): ProblemRow[] =>
    a.map((value, i) => ({
      groupId: `g${i}`,
      results: [result('weighted-vote', 4, value), result('majority', 4, b[i] ?? null)],
    }));

  test('gain over the problems that both could conclude', () => {
    const [row] = pairedRows(both([1, 1, 0, null], [0, 1, null, 1]), [{ a: 'weighted-vote', b: 'majority', n: 4 }], 3);
    expect(row).toMatchObject({ a: 'weighted-vote', b: 'majority', n: 4, gain: 0.5, problems: 2 });
  });

  test('what both share cancels: a constant gain has no spread', () => {
    const [row] = pairedRows(both([1, 0.5, 1], [0.5, 0, 0.5]), [{ a: 'weighted-vote', b: 'majority', n: 4 }], 3);
    expect(row).toMatchObject({ gain: 0.5, ci95: [0.5, 0.5] });
  });

  test('a pair that did not run is left out', () => {
    expect(pairedRows(both([1], [1]), [{ a: 'one-shot', b: 'majority', n: 4 }], 3)).toEqual([]);
  });

  test('by default every strategy meets majority and one sample at its n', () => {
    const rows: ProblemRow[] = [
      {
        groupId: 'g',
        results: [1, 4].flatMap((n) => ['pass-at-1', 'oracle', 'majority', 'one-shot'].map((id) => result(id, n, 1))),
      },
    ];
    expect(defaultPairs(rows)).toEqual([
      { a: 'majority', b: 'pass-at-1', n: 4 },
      { a: 'one-shot', b: 'majority', n: 4 },
      { a: 'one-shot', b: 'pass-at-1', n: 4 },
    ]);
  });
});
