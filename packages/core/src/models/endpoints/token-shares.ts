import type { ChatChoice } from './chat.ts';

/** Whole numbers that sum to `total` and are in proportion to the weights: Hamilton's method, equal remainders to the first. */
function largestRemainder(weights: readonly number[], total: number): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const quotas = weights.map((weight) => (sum === 0 ? total / weights.length : (weight * total) / sum));
  const shares = quotas.map(Math.floor);
  const rest = total - shares.reduce((a, b) => a + b, 0);
  const order = quotas.map((quota, i) => ({ i, remainder: quota % 1 })).sort((a, b) => b.remainder - a.remainder);
  for (const { i } of order.slice(0, rest)) shares[i]! += 1;
  return shares;
}

/**
 * Tokens written in each choice: exact where the server counts them apart. Else the exact total is shared out by the
 * length of the texts; null where no total is known either.
 */
export function tokenShares(choices: readonly ChatChoice[], total: number | null): (number | null)[] {
  if (total === null || choices.every(({ tokens }) => tokens !== null)) return choices.map(({ tokens }) => tokens);
  return largestRemainder(
    choices.map(({ text }) => text.length),
    total,
  );
}
