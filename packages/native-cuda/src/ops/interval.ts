/** Intervals of a success rate, computed in one place, so that every backend writes the same bits. */
import { finite, object, oneOf } from '../validation.ts';
import { betaQuantile } from './betaQuantile.ts';

/** Wilson's score interval (1927, https://doi.org/10.1080/01621459.1927.10502953): exactly 0 below 0 of n, exactly 1 above n of n. */
export interface WilsonInterval {
  kind: 'wilson';
  /** Normal quantile, in (0, 100]. Default 1.96. */
  z?: number | undefined;
}

/** Equal-tailed credible interval of the posterior Beta(alpha + correct, beta + incorrect + unparsable). */
export interface BetaInterval {
  kind: 'beta';
  /** Posterior probability inside, in (0, 1). Default 0.95. */
  mass?: number | undefined;
  /** Each in [0.1, 10⁶]. Default Jeffreys' ½, ½ (Brown, Cai & DasGupta 2001, https://doi.org/10.1214/ss/1009213286). */
  prior?: { alpha: number; beta: number } | undefined;
}

export type Interval = WilsonInterval | BetaInterval;

export type CheckedInterval =
  | { readonly kind: 'wilson'; readonly z: number }
  | { readonly kind: 'beta'; readonly mass: number; readonly alpha: number; readonly beta: number };

export function checkedInterval(interval: Interval | undefined, where: string): CheckedInterval {
  const chosen = interval ?? { kind: 'wilson' };
  object(chosen, where);
  const copy = { ...chosen };
  if (oneOf(copy.kind, ['wilson', 'beta'], `${where}.kind`) === 'wilson') {
    const { z = 1.96 } = copy as WilsonInterval;
    return { kind: 'wilson', z: finite(z, { minimum: 0, maximum: 100, includeMinimum: false }, `${where}.z`) };
  }
  const { mass = 0.95, prior = { alpha: 0.5, beta: 0.5 } } = copy as BetaInterval;
  object(prior, `${where}.prior`);
  const range = { minimum: 0.1, maximum: 1e6 };
  return {
    kind: 'beta',
    mass: finite(mass, { minimum: 0, maximum: 1, includeMinimum: false, includeMaximum: false }, `${where}.mass`),
    alpha: finite(prior.alpha, range, `${where}.prior.alpha`),
    beta: finite(prior.beta, range, `${where}.prior.beta`),
  };
}

function clampUnit(x: number): number {
  return Math.min(1, Math.max(0, x));
}

/** Only + - * / √ in this order, as csrc/ops/wilson.h has them, so that every backend rounds alike. */
export function wilson(correct: number, completed: number, z: number): readonly [lower: number, upper: number] {
  const squared = z * z;
  const total = completed + squared;
  const centre = (correct + squared / 2) / total;
  const half = (z / total) * Math.sqrt((correct * (completed - correct)) / completed + squared / 4);
  return [correct === 0 ? 0 : clampUnit(centre - half), correct === completed ? 1 : clampUnit(centre + half)];
}

function ends(interval: CheckedInterval, correct: number, completed: number): readonly [number, number] {
  if (interval.kind === 'wilson') return wilson(correct, completed, interval.z);
  const a = interval.alpha + correct;
  const b = interval.beta + completed - correct;
  const tail = (1 - interval.mass) / 2;
  // The upper end from the other side: 1 - tail has lost digits of a small tail.
  return [betaQuantile(tail, a, b), 1 - betaQuantile(tail, b, a)];
}

/** Completed rollouts below which intervals are looked up. */
export const TABLE_SIDE = 33;

const CACHED_TABLES = 16;
const tables = new Map<string, Float32Array>();

function makeTable(interval: CheckedInterval): Float32Array {
  const table = new Float32Array(TABLE_SIDE * TABLE_SIDE * 2).fill(NaN);
  for (let completed = 1; completed < TABLE_SIDE; completed += 1) {
    for (let correct = 0; correct <= completed; correct += 1) {
      table.set(ends(interval, correct, completed), 2 * (completed * TABLE_SIDE + correct));
    }
  }
  return table;
}

/**
 * [TABLE_SIDE, TABLE_SIDE, 2]: lower and upper end by completed and correct rollouts; NaN where there is no evidence.
 * Rollouts per step are few and their counts repeat. Callers do not write it.
 */
export function intervalTable(interval: CheckedInterval): Float32Array {
  const key = JSON.stringify(interval);
  const known = tables.get(key) ?? makeTable(interval);
  if (!tables.has(key) && tables.size >= CACHED_TABLES) tables.delete(tables.keys().next().value as string);
  tables.set(key, known);
  return known;
}

interface Counted {
  readonly correct: Int32Array;
  readonly incorrect: Int32Array;
  readonly unparsable: Int32Array;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** Kernels look up and know Wilson's formula; Beta intervals of steps outside the table are computed here, each pair of counts once. */
export function fillLargeIntervals(interval: CheckedInterval, output: Counted): void {
  if (interval.kind === 'wilson') return;
  const known = new Map<string, readonly [number, number]>();
  for (let step = 0; step < output.correct.length; step += 1) {
    const correct = output.correct[step] as number;
    const completed = correct + (output.incorrect[step] as number) + (output.unparsable[step] as number);
    if (completed < TABLE_SIDE) continue;
    const key = `${correct}/${completed}`;
    const pair = known.get(key) ?? ends(interval, correct, completed);
    known.set(key, pair);
    [output.lower[step], output.upper[step]] = pair;
  }
}
