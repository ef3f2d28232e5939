import { VlprmError } from '@vlprm/core/runtime';

/** Largest number of samples per problem, or of candidates per step. */
export const MAX_N = 1024;

/** @throws ERR_RANGE unless `value` is an integer in [1, MAX_N]. */
export function requireCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_N) return;
  throw new VlprmError('ERR_RANGE', `${name} is ${value}`, { fix: `give an integer from 1 to ${MAX_N}` });
}

/** @throws ERR_RANGE unless `seed` is an integer in [0, 2^53). */
export function requireSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0) return;
  throw new VlprmError('ERR_RANGE', `seed is ${seed}`, { fix: 'give an integer from 0 to 2^53 - 1' });
}
