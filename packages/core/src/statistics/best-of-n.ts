import { VlprmError } from '../runtime/errors.ts';

function requireDraw(n: number, of: number): void {
  if (Number.isSafeInteger(n) && n >= 1 && n <= of) return;
  throw new VlprmError('ERR_RANGE', `cannot draw ${n} of ${of} samples`, { fix: `use a number from 1 to ${of}` });
}

/**
 * Expected accuracy of best-of-N: of N samples drawn without replacement from all M, the one with the highest score
 * answers. Closed form: the sample of rank r (0-based, best first) wins with probability C(M-1-r, N-1) / C(M, N);
 * samples of equal score share their part. ERR_RANGE unless 1 <= n <= M, and for a score that is not a number.
 */
export function bestOfNAccuracy(scores: ArrayLike<number>, correct: readonly boolean[], n: number): number {
  const size = scores.length;
  requireDraw(n, size);
  if (correct.length !== size) throw new VlprmError('ERR_RANGE', `${size} scores but ${correct.length} verdicts`);
  const order = Array.from({ length: size }, (_, i) => i);
  if (order.some((i) => Number.isNaN(scores[i]))) throw new VlprmError('ERR_RANGE', 'a score that is not a number');
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number));
  let winProbability = n / size;
  let expected = 0;
  for (let rank = 0; rank < size;) {
    let mass = 0;
    let right = 0;
    const first = rank;
    while (rank < size && scores[order[rank] as number] === scores[order[first] as number]) {
      mass += winProbability;
      if (correct[order[rank] as number]) right += 1;
      winProbability *= rank < size - 1 ? Math.max(0, size - rank - n) / (size - rank - 1) : 0;
      rank += 1;
    }
    expected += (mass * right) / (rank - first);
  }
  return expected;
}

/**
 * Unbiased pass@k: probability that k of n samples, c of them right, hold a right one; 1 - C(n-c, k) / C(n, k)
 * (Chen et al. 2021, arXiv 2107.03374, equation 1), as a product. ERR_RANGE unless 1 <= k <= n and 0 <= c <= n.
 */
export function passAtK(samples: number, correct: number, k: number): number {
  requireDraw(k, samples);
  if (!Number.isSafeInteger(correct) || correct < 0 || correct > samples) {
    throw new VlprmError('ERR_RANGE', `${correct} right of ${samples} samples`);
  }
  let allWrong = 1;
  for (let i = samples - correct + 1; i <= samples; i++) allWrong *= Math.max(0, 1 - k / i);
  return 1 - allWrong;
}
