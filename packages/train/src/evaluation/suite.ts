import { VlprmError } from '@vlprm/core/runtime';
import { bootstrapRows, bootstrapTotals, type BootstrapOptions } from '@vlprm/core/statistics';
import { joinScores, type EvaluationItem, type ScoredItem } from './evaluation-item.ts';
import { ascending, auprc, auroc } from './ranking.ts';
import type { ScoredStep } from './scored-step.ts';
import {
  CALIBRATION_METRICS,
  F1_METRICS,
  FIRST_ERROR_METRICS,
  KIND_METRICS,
  labelledSteps,
  PROCESS_BENCH_METRICS,
  type CountMetric,
} from './suite-metrics.ts';

/** The headline metrics of each suite; the rest are reported by all. */
const HEADLINES = {
  visualprocessbench: F1_METRICS,
  processbench: PROCESS_BENCH_METRICS,
  traces: F1_METRICS,
} as const satisfies Record<string, readonly CountMetric[]>;

export type SuiteName = keyof typeof HEADLINES;
export const SUITE_NAMES = Object.keys(HEADLINES) as SuiteName[];

type RankMetric = typeof auroc;
const RANK_METRICS: Readonly<Record<'auroc' | 'auprc', RankMetric>> = { auroc, auprc };

/** A step is called wrong when p < value. */
export interface SuiteThreshold {
  /** In [0, 1]. */
  readonly value: number;
  /** Data that it was chosen on, or that it is the default. */
  readonly chosenOn: string;
}

export const DEFAULT_THRESHOLD: SuiteThreshold = { value: 0.5, chosenOn: 'default' };

/** Metrics by name, null where the data does not allow one. */
export type Metrics = Record<string, number | null>;

export interface SuiteResult {
  readonly suite: SuiteName;
  /** Solutions. */
  readonly n: number;
  /** Steps whose truth is known, and how many of them are wrong. */
  readonly steps: number;
  readonly errors: number;
  readonly threshold: SuiteThreshold;
  readonly metrics: Metrics;
  /** 95% intervals of the clustered bootstrap, null where a metric is. */
  readonly ci95: Record<string, readonly [number, number] | null>;
  readonly bySource: Record<string, Metrics & { readonly n: number }>;
}

export interface EvaluateSuiteInput {
  readonly suite: SuiteName;
  readonly items: readonly EvaluationItem[];
  /** Scores of every item under one of its ids; see `scoresById`. */
  readonly scores: ReadonlyMap<string, readonly number[]>;
  readonly threshold?: SuiteThreshold;
  readonly bootstrap?: Partial<BootstrapOptions>;
}

/**
 * Metrics of a PRM's step scores on a suite. Positive class and definitions are those of each metric; pooled over
 * sources, with a row for each source. `averageF1` of ProcessBench is the unweighted mean over sources, as its authors
 * report it. Throws ERR_DATASET_INVALID, ERR_STEP_COUNT, or ERR_RANGE for a threshold outside [0, 1].
 */
export function evaluateSuite(input: EvaluateSuiteInput): SuiteResult {
  const threshold = input.threshold ?? DEFAULT_THRESHOLD;
  requireThreshold(threshold.value);
  const items = joinScores(input.items, input.scores);
  if (items.length === 0) {
    throw new VlprmError('ERR_DATASET_INVALID', 'there is nothing to evaluate', {
      where: 'data',
      fix: 'give a file with rows',
    });
  }
  const counts = [...HEADLINES[input.suite], ...KIND_METRICS, ...CALIBRATION_METRICS, ...FIRST_ERROR_METRICS];
  const bySource = metricsBySource(items, counts, threshold.value);
  const average: Metrics =
    input.suite === 'processbench' ? { averageF1: averageOf(Object.values(bySource).map(({ f1 }) => f1 ?? null)) } : {};
  const steps = items.flatMap(labelledSteps);
  return {
    suite: input.suite,
    n: items.length,
    steps: steps.length,
    errors: steps.filter(({ right }) => !right).length,
    threshold,
    metrics: { ...pooledMetrics(items, counts, threshold.value), ...average },
    ci95: intervals(items, counts, threshold.value, { seed: 0, resamples: 1000, ...input.bootstrap }),
    bySource,
  };
}

function requireThreshold(value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new VlprmError('ERR_RANGE', `a threshold of ${value}`, { where: '--threshold', fix: 'give a probability' });
}

function totalsOf(rows: readonly (readonly number[])[]): number[] {
  const totals = new Array<number>(rows[0]?.length ?? 0).fill(0);
  for (const row of rows) row.forEach((value, column) => (totals[column]! += value));
  return totals;
}

function pooledMetrics(items: readonly ScoredItem[], counts: readonly CountMetric[], threshold: number): Metrics {
  const steps = items.flatMap(labelledSteps);
  const order = ascending(steps);
  return Object.fromEntries([
    ...counts.map(({ name, columns, value }) => [name, value(totalsOf(items.map((item) => columns(item, threshold))))]),
    ...Object.entries(RANK_METRICS).map(([name, metric]) => [name, metric(steps, null, order)]),
  ]) as Metrics;
}

function metricsBySource(
  items: readonly ScoredItem[],
  counts: readonly CountMetric[],
  threshold: number,
): SuiteResult['bySource'] {
  const sources = [...new Set(items.map(({ source }) => source))].sort();
  return Object.fromEntries(
    sources.map((source) => {
      const own = items.filter((item) => item.source === source);
      return [source, { ...pooledMetrics(own, counts, threshold), n: own.length }];
    }),
  );
}

function averageOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length && known.length > 0 ? known.reduce((a, b) => a + b) / known.length : null;
}

function intervals(
  items: readonly ScoredItem[],
  counts: readonly CountMetric[],
  threshold: number,
  options: BootstrapOptions,
): SuiteResult['ci95'] {
  const clusters = items.map(({ groupId }) => groupId);
  const ofCounts = counts.map(({ name, columns, value }) => {
    const rows = items.map((item) => columns(item, threshold));
    return [
      name,
      interval(bootstrapTotals(rows, clusters, (totals) => value([...totals]) ?? Number.NaN, options)),
    ] as const;
  });
  return Object.fromEntries([...ofCounts, ...rankIntervals(items, clusters, options)]);
}

/** Resamples items by counting each step as often as its item was drawn, so that the steps are sorted once. */
function rankIntervals(items: readonly ScoredItem[], clusters: readonly string[], options: BootstrapOptions) {
  const perItem = items.map(labelledSteps);
  const steps: readonly ScoredStep[] = perItem.flat();
  const itemOf = Int32Array.from(perItem.flatMap((own, item) => own.map(() => item)));
  const order = ascending(steps);
  const drawn = new Int32Array(items.length);
  const weights = new Int32Array(steps.length);
  return Object.entries(RANK_METRICS).map(([name, metric]) => {
    const statistic = (rows: readonly number[]): number => {
      drawn.fill(0);
      for (const row of rows) drawn[row]!++;
      for (let step = 0; step < weights.length; step++) weights[step] = drawn[itemOf[step]!]!;
      return metric(steps, weights, order) ?? Number.NaN;
    };
    return [name, interval(bootstrapRows(clusters, statistic, options))] as const;
  });
}

function interval({ low, high }: { readonly low: number; readonly high: number }): readonly [number, number] | null {
  return Number.isNaN(low) || Number.isNaN(high) ? null : [low, high];
}
