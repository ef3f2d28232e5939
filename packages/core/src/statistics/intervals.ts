import { VlprmError } from '../runtime/errors.ts';

/** A closed interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95% point of the standard normal. */
export const Z_95 = 1.959963984540054;

/**
 * Wilson score interval of a proportion (Wilson 1927), in [0, 1]; `z` is the two-sided normal point (95% by default).
 * No trials give [0, 1]: nothing is known. ERR_RANGE unless 0 <= successes <= trials.
 */
export function wilsonInterval(successes: number, trials: number, z: number = Z_95): Interval {
  if (!(successes >= 0 && successes <= trials && Number.isFinite(trials))) {
    throw new VlprmError('ERR_RANGE', `${successes} successes in ${trials} trials`);
  }
  if (trials === 0) return { low: 0, high: 1 };
  const rate = successes / trials;
  const spread = (z * z) / trials;
  const centre = rate + spread / 2;
  const margin = z * Math.sqrt((rate * (1 - rate) + spread / 4) / trials);
  return {
    low: successes === 0 ? 0 : (centre - margin) / (1 + spread),
    high: successes === trials ? 1 : (centre + margin) / (1 + spread),
  };
}

/** Quantile of sorted values by linear interpolation between order statistics; `q` in [0, 1]. NaN for no values. */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = q * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - below);
}
