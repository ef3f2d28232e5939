import { bootstrapMeans, type Estimate } from '@vlprm/core/statistics';
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
  /** Totals over the problems that count, as if the strategy had run alone; `policyTokens` is null where nobody counts them. */
  readonly policyTokens: number | null;
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
  const columns = [...indexResults(problems).values()];
  const values = columns.map((results) => results.map(({ value }) => value));
  const estimates = bootstrapMeans(values, groupsOf(problems), { seed });
  return columns.map((results, column) => benchmarkRow(results, estimates[column] ?? null));
}

const groupsOf = (problems: readonly ProblemRow[]): string[] => problems.map(({ groupId }) => groupId);

function benchmarkRow(results: readonly ProblemResult[], estimate: Estimate | null): BenchmarkRow {
  const { strategy, n } = results[0] as ProblemResult;
  if (estimate === null) {
    throw new VlprmError(
      'ERR_MODEL_FAILED',
      `${strategy} at n = ${n} could answer none of ${results.length} problems`,
      {
        fix: 'every call failed: check policy and PRM with `vlprm doctor`',
      },
    );
  }
  const concluded = results.filter(({ value }) => value !== null);
  const cost = concluded.reduce((total, result) => addCost(total, result.cost), NO_COST);
  return {
    strategy,
    n,
    accuracy: estimate.value,
    ci95: [estimate.low, estimate.high],
    problems: concluded.length,
    excluded: results.length - concluded.length,
    failedSamples: results.reduce((sum, { failedSamples }) => sum + failedSamples, 0),
    policyTokens: cost.policyTokens === null ? null : Math.round(cost.policyTokens),
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
  const gains = pairs.map(({ a, b, n }) => {
    const left = index.get(keyOf(a, n)) ?? [];
    const right = index.get(keyOf(b, n)) ?? [];
    return problems.map((_, place) => difference(left[place]?.value ?? null, right[place]?.value ?? null));
  });
  const estimates = bootstrapMeans(gains, groupsOf(problems), { seed });
  return pairs.flatMap(({ a, b, n }, pair): PairedRow[] => {
    const estimate = estimates[pair] ?? null;
    if (estimate === null) return [];
    const common = (gains[pair] ?? []).filter((gain) => gain !== null).length;
    return [{ a, b, n, gain: estimate.value, ci95: [estimate.low, estimate.high], problems: common }];
  });
}

const difference = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a - b);
