import { VlprmError } from '../runtime/errors.ts';
import { createRandom } from '../runtime/random.ts';
import type { Random } from '../runtime/random.ts';
import { quantileOfSorted } from './intervals.ts';
import type { Interval } from './intervals.ts';

export interface BootstrapOptions {
  /** Seed in [0, 2^53); equal seeds give equal intervals. */
  readonly seed: number;
  /** Number of resamples, 2000 by default. */
  readonly resamples?: number;
  /** Coverage in (0, 1), 0.95 by default. */
  readonly level?: number;
}

/** An estimate on the data and its percentile interval over resampled clusters. */
export interface Estimate extends Interval {
  readonly value: number;
  readonly clusters: number;
  /** Resamples on which the statistic was not defined (NaN); they are left out of the interval. */
  readonly undefinedResamples: number;
}

interface Plan {
  readonly resamples: number;
  readonly tail: number;
  readonly random: Random;
}

function planOf({ seed, resamples = 2000, level = 0.95 }: BootstrapOptions): Plan {
  if (!Number.isSafeInteger(resamples) || resamples < 1 || !(level > 0 && level < 1)) {
    throw new VlprmError('ERR_RANGE', `a bootstrap of ${resamples} resamples at level ${level}`, {
      fix: 'use at least one resample and a level in (0, 1)',
    });
  }
  return { resamples, tail: (1 - level) / 2, random: createRandom(seed) };
}

/** Row indices of each cluster, in order of first appearance. */
function rowsByCluster(rows: number, clusters: readonly (string | number)[]): number[][] {
  if (rows === 0) throw new VlprmError('ERR_RANGE', 'a bootstrap of no rows', { fix: 'give at least one row' });
  if (clusters.length !== rows) throw new VlprmError('ERR_RANGE', `${rows} rows but ${clusters.length} cluster names`);
  const groups = new Map<string | number, number[]>();
  clusters.forEach((cluster, row) => {
    const members = groups.get(cluster);
    if (members) members.push(row);
    else groups.set(cluster, [row]);
  });
  return [...groups.values()];
}

/** Percentile interval of `draw`, which computes the statistic of one resample from cluster indices drawn for it. */
function resample(clusters: number, value: number, plan: Plan, draw: (picks: Int32Array) => number): Estimate {
  const picks = new Int32Array(clusters);
  const values: number[] = [];
  for (let r = 0; r < plan.resamples; r++) {
    for (let i = 0; i < clusters; i++) picks[i] = plan.random.int(clusters);
    const statistic = draw(picks);
    if (!Number.isNaN(statistic)) values.push(statistic);
  }
  values.sort((a, b) => a - b);
  return {
    value,
    low: quantileOfSorted(values, plan.tail),
    high: quantileOfSorted(values, 1 - plan.tail),
    clusters,
    undefinedResamples: plan.resamples - values.length,
  };
}

/**
 * Clustered percentile bootstrap (Efron 1979; whole clusters are drawn with replacement, so rows of one problem stay
 * together) of a statistic that depends on the rows through column sums alone: means, precision, recall, F1.
 * `rows` is [row][column], `statistic` gets the sums of the columns and returns NaN where it is not defined.
 * ERR_RANGE for no rows, ragged rows or an option out of range.
 */
export function bootstrapTotals(
  rows: readonly (readonly number[])[],
  clusters: readonly (string | number)[],
  statistic: (totals: Float64Array) => number,
  options: BootstrapOptions,
): Estimate {
  const plan = planOf(options);
  const groups = rowsByCluster(rows.length, clusters);
  const width = rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== width)) throw new VlprmError('ERR_RANGE', 'bootstrap rows of different widths');
  const sums = groups.map((group) => {
    const total = new Float64Array(width);
    for (const row of group) for (let c = 0; c < width; c++) (total[c] as number) += rows[row]?.[c] as number;
    return total;
  });
  const totals = new Float64Array(width);
  const sumOf = (picks: ArrayLike<number>): number => {
    totals.fill(0);
    for (let i = 0; i < picks.length; i++) {
      const sum = sums[picks[i] as number] as Float64Array;
      for (let c = 0; c < width; c++) (totals[c] as number) += sum[c] as number;
    }
    return statistic(totals);
  };
  return resample(groups.length, sumOf(sums.map((_, i) => i)), plan, sumOf);
}

/**
 * Clustered percentile bootstrap of any statistic of the rows (AUROC, calibration error); slower than
 * `bootstrapTotals`. `statistic` gets the indices of the drawn rows, and returns NaN where it is not defined.
 */
export function bootstrapRows(
  clusters: readonly (string | number)[],
  statistic: (rows: readonly number[]) => number,
  options: BootstrapOptions,
): Estimate {
  const plan = planOf(options);
  const groups = rowsByCluster(clusters.length, clusters);
  const drawn = (picks: Int32Array): number[] => {
    const rows: number[] = [];
    for (const pick of picks) for (const row of groups[pick] as number[]) rows.push(row);
    return rows;
  };
  return resample(groups.length, statistic(clusters.map((_, row) => row)), plan, (picks) => statistic(drawn(picks)));
}

/** Mean of the values with its clustered bootstrap interval. */
export function bootstrapMean(
  values: readonly number[],
  clusters: readonly (string | number)[],
  options: BootstrapOptions,
): Estimate {
  const rows = values.map((value) => [value, 1]);
  return bootstrapTotals(rows, clusters, (totals) => (totals[0] as number) / (totals[1] as number), options);
}

/**
 * Mean of a - b over rows that belong together (the same problem under two methods), with its clustered bootstrap
 * interval: each resample draws both sides of a pair at once, so what they share cancels.
 */
export function pairedGain(
  a: readonly number[],
  b: readonly number[],
  clusters: readonly (string | number)[],
  options: BootstrapOptions,
): Estimate {
  if (a.length !== b.length) throw new VlprmError('ERR_RANGE', `a paired test of ${a.length} and ${b.length} rows`);
  return bootstrapMean(
    a.map((value, row) => value - (b[row] as number)),
    clusters,
    options,
  );
}

/**
 * Means of many columns over the same rows, with intervals from the same resamples: as `bootstrapMean` for each column,
 * at little more than the price of one. `columns` is [column][row]; null is no value, and is left out of the mean.
 * Null for a column without any value. ERR_RANGE for columns of another length than `clusters`.
 */
export function bootstrapMeans(
  columns: readonly (readonly (number | null)[])[],
  clusters: readonly (string | number)[],
  options: BootstrapOptions,
): (Estimate | null)[] {
  const plan = planOf(options);
  const groups = rowsByCluster(clusters.length, clusters);
  if (columns.some((column) => column.length !== clusters.length)) {
    throw new VlprmError('ERR_RANGE', `columns that are not ${clusters.length} rows long`);
  }
  const sums = groups.map((rows) => columnSums(columns, rows));
  const resampled = columns.map((): number[] => []);
  const times = new Int32Array(groups.length);
  for (let r = 0; r < plan.resamples; r++) {
    times.fill(0);
    for (let i = 0; i < groups.length; i++) (times[plan.random.int(groups.length)] as number) += 1;
    meansOf(sums, times, columns.length).forEach((mean, column) => {
      if (!Number.isNaN(mean)) (resampled[column] as number[]).push(mean);
    });
  }
  return meansOf(sums, times.fill(1), columns.length).map((value, column) => {
    if (Number.isNaN(value)) return null;
    const means = (resampled[column] as number[]).sort((a, b) => a - b);
    return {
      value,
      low: quantileOfSorted(means, plan.tail),
      high: quantileOfSorted(means, 1 - plan.tail),
      clusters: groups.length,
      undefinedResamples: plan.resamples - means.length,
    };
  });
}

/** Sum and number of the values of each column over some rows: [2 * column] and [2 * column + 1]. */
function columnSums(columns: readonly (readonly (number | null)[])[], rows: readonly number[]): Float64Array {
  const sums = new Float64Array(2 * columns.length);
  columns.forEach((column, c) => {
    for (const row of rows) {
      const value = column[row];
      if (value == null) continue;
      (sums[2 * c] as number) += value;
      (sums[2 * c + 1] as number) += 1;
    }
  });
  return sums;
}

/** Mean of each column when cluster i is drawn `times[i]` times; NaN for a column without any value. */
function meansOf(sums: readonly Float64Array[], times: Int32Array, columns: number): number[] {
  const totals = new Float64Array(2 * columns);
  for (let cluster = 0; cluster < sums.length; cluster++) {
    const weight = times[cluster] as number;
    if (weight === 0) continue;
    const own = sums[cluster] as Float64Array;
    for (let c = 0; c < totals.length; c++) (totals[c] as number) += weight * (own[c] as number);
  }
  return Array.from({ length: columns }, (_, c) => (totals[2 * c] as number) / (totals[2 * c + 1] as number));
}
