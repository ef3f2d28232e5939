import { bootstrapMean, pairedGain } from '@vlprm/core/statistics';
import { VlprmError } from '@vlprm/core/runtime';
import { addCost, NO_COST } from '../candidates/cost.ts';
import type { ProblemResult } from './outcomes.ts';

/** Results of one problem; problems of one group are resampled together. */
export interface ProblemRow {
  readonly groupId: string;
  readonly results: readonly ProblemResult[];
}

/** Accuracy of a strategy at n over the problems that could be concluded, and what it costs. */
export interface BenchmarkRow {
  readonly strategy: string;
  readonly n: number;
  /** In [0, 1]. */
  readonly accuracy: number;
  /** 95% interval by clustered bootstrap over groups of problems. */
  readonly ci95: readonly [number, number];
  /** Problems that count. */
  readonly problems: number;
  /** Problems that do not count, because every call that could have answered them failed. */
  readonly excluded: number;
  /** Failed samples over all problems. */
  readonly failedSamples: number;
  /** Totals over the problems that count, as if the strategy had run alone. */
  readonly policyTokens: number;
  readonly prmForwards: number;
  readonly prmTokens: number;
}

/** Mean of a - b over the problems that both could conclude. */
export interface PairedRow {
  readonly a: string;
  readonly b: string;
  readonly n: number;
  readonly gain: number;
  readonly ci95: readonly [number, number];
  readonly problems: number;
}

/** Two strategies to compare at the same n. */
export type Pair = Pick<PairedRow, 'a' | 'b' | 'n'>;

const keyOf = (strategy: string, n: number): string => `${strategy}@${n}`;

type ResultIndex = ReadonlyMap<string, readonly ProblemResult[]>;

/** Results by strategy and n, each in the order of the problems. */
export function indexResults(problems: readonly ProblemRow[]): ResultIndex {
  const index = new Map<string, ProblemResult[]>();
  for (const { results } of problems) {
    for (const result of results) {
      const key = keyOf(result.strategy, result.n);
      const list = index.get(key);
      if (list) list.push(result);
      else index.set(key, [result]);
    }
  }
  return index;
}

/**
 * One row per strategy and n, in the order of the first problem's results.
 * @throws ERR_MODEL_FAILED when a strategy could conclude no problem at all: there is no accuracy to report.
 */
export function benchmarkRows(problems: readonly ProblemRow[], seed: number): BenchmarkRow[] {
  return [...indexResults(problems).values()].map((results) => benchmarkRow(results, problems, seed));
}

function benchmarkRow(results: readonly ProblemResult[], problems: readonly ProblemRow[], seed: number): BenchmarkRow {
  const { strategy, n } = results[0] as ProblemResult;
  const values: number[] = [];
  const groups: string[] = [];
  let cost = NO_COST;
  results.forEach((result, index) => {
    if (result.value === null) return;
    values.push(result.value);
    groups.push((problems[index] as ProblemRow).groupId);
    cost = addCost(cost, result.cost);
  });
  if (values.length === 0) {
    throw new VlprmError(
      'ERR_MODEL_FAILED',
      `${strategy} at n = ${n} could answer none of ${results.length} problems`,
      {
        fix: 'every call failed: check policy and PRM with `vlprm doctor`',
      },
    );
  }
  const { value, low, high } = bootstrapMean(values, groups, { seed });
  return {
    strategy,
    n,
    accuracy: value,
    ci95: [low, high],
    problems: values.length,
    excluded: results.length - values.length,
    failedSamples: results.reduce((sum, { failedSamples }) => sum + failedSamples, 0),
    policyTokens: Math.round(cost.policyTokens),
    prmForwards: cost.prmForwards,
    prmTokens: cost.prmTokens,
  };
}

/** Every strategy against majority and against one sample, at every n > 1 where both ran. */
export function defaultPairs(problems: readonly ProblemRow[]): Pair[] {
  const index = indexResults(problems);
  const bounds = new Set(['pass-at-1', 'oracle']);
  return [...index.values()].flatMap((results) => {
    const { strategy, n } = results[0] as ProblemResult;
    if (n === 1 || bounds.has(strategy)) return [];
    return ['majority', 'pass-at-1']
      .filter((other) => other !== strategy && index.has(keyOf(other, n)))
      .map((b): Pair => ({ a: strategy, b, n }));
  });
}

/** The gain of each pair with its 95% paired clustered bootstrap interval. Pairs without a common problem are left out. */
export function pairedRows(problems: readonly ProblemRow[], pairs: readonly Pair[], seed: number): PairedRow[] {
  const index = indexResults(problems);
  return pairs.flatMap(({ a, b, n }): PairedRow[] => {
    const left = index.get(keyOf(a, n)) ?? [];
    const right = index.get(keyOf(b, n)) ?? [];
    const common = left.flatMap((result, place) => {
      const other = right[place];
      if (result.value === null || other?.value == null) return [];
      return [{ a: result.value, b: other.value, group: (problems[place] as ProblemRow).groupId }];
    });
    if (common.length === 0) return [];
    const { value, low, high } = pairedGain(
      common.map((row) => row.a),
      common.map((row) => row.b),
      common.map((row) => row.group),
      { seed },
    );
    return [{ a, b, n, gain: value, ci95: [low, high], problems: common.length }];
  });
}
