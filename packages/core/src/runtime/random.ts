import { VlprmError } from './errors.ts';

/** A seeded source of random numbers; the same seed gives the same stream on every platform. */
export interface Random {
  /** The next 32 random bits, as an integer in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1), 32 bits fine. */
  uniform(): number;
  /** Integer in [0, n), every value exactly as likely; n in [1, 2^32]. ERR_RANGE otherwise. */
  int(n: number): number;
  /** Standard normal. */
  normal(): number;
  /** Standard Gumbel: -log(-log(u)). */
  gumbel(): number;
  /** One of the items, each as likely. ERR_RANGE for an empty list. */
  pick<T>(items: readonly T[]): T;
  /** Index drawn with probability proportional to its weight. ERR_RANGE unless weights are >= 0 and their sum is positive and finite. */
  categorical(weights: ArrayLike<number>): number;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

const TWO_POW_32 = 0x1_0000_0000;

/** Murmur3's 32-bit finaliser: https://github.com/aappleby/smhasher (public domain definition). */
function mix32(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A seed in [0, 2^53) derived from parts; equal parts give equal seeds, and any change gives another.
 * Numbers and strings differ (`seedFrom(1)` is not `seedFrom('1')`), and so do cuts
 * (`seedFrom('ab', 'c')` is not `seedFrom('a', 'bc')`).
 */
export function seedFrom(...parts: readonly (string | number)[]): number {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  for (const part of parts) {
    const text = typeof part === 'number' ? `n${part};` : `s${part.length}:${part};`;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193) >>> 0;
      b = (Math.imul(b, 0x85ebca6b) + code + (a >>> 7)) >>> 0;
    }
  }
  return (mix32(a) & 0x1f_ffff) * TWO_POW_32 + mix32(b ^ a);
}

function requireSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0) return;
  throw new VlprmError('ERR_RANGE', `seed ${seed} is not an integer in [0, 2^53)`, {
    fix: 'give a non-negative integer',
  });
}

function sumOfWeights(weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    total += weight >= 0 ? weight : Number.NaN;
  }
  if (total > 0 && Number.isFinite(total)) return total;
  throw new VlprmError('ERR_RANGE', 'categorical weights must be >= 0 with a positive, finite sum');
}

/** Fast generator of 32-bit words: sfc32 by Chris Doty-Humphrey (PractRand, public domain definition). */
function createSfc32(seed: number): () => number {
  let a = mix32(seed % TWO_POW_32);
  let b = mix32(Math.floor(seed / TWO_POW_32) ^ 0x9e3779b9);
  let c = mix32(a ^ 0x85a308d3);
  let counter = 1;
  const next = (): number => {
    const t = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + t) >>> 0;
    return t;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A random stream from a seed in [0, 2^53). ERR_RANGE for any other seed. */
export function createRandom(seed: number): Random {
  requireSeed(seed);
  const next = createSfc32(seed);
  const uniform = (): number => next() / TWO_POW_32;
  const open = (): number => (next() + 0.5) / TWO_POW_32;
  const int = (n: number): number => {
    if (!Number.isSafeInteger(n) || n < 1 || n > TWO_POW_32) {
      throw new VlprmError('ERR_RANGE', `cannot draw an integer below ${n}`, { fix: 'use a bound in [1, 2^32]' });
    }
    const limit = TWO_POW_32 - (TWO_POW_32 % n);
    for (;;) {
      const word = next();
      if (word < limit) return word % n;
    }
  };
  return {
    uint32: next,
    uniform,
    int,
    normal: () => Math.sqrt(-2 * Math.log(open())) * Math.cos(2 * Math.PI * uniform()),
    gumbel: () => -Math.log(-Math.log(open())),
    pick: <T>(items: readonly T[]): T => items[int(items.length)] as T,
    categorical: (weights) => {
      let rest = uniform() * sumOfWeights(weights);
      let last = 0;
      for (let i = 0; i < weights.length; i++) {
        const weight = weights[i] as number;
        if (weight === 0) continue;
        if (rest < weight) return i;
        rest -= weight;
        last = i;
      }
      return last;
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(i + 1);
        const held = copy[i] as T;
        copy[i] = copy[j] as T;
        copy[j] = held;
      }
      return copy;
    },
  };
}
