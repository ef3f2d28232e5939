import { readFileSync } from 'node:fs';
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { createRandom, seedFrom } from './random.ts';

/** Computed apart from this file, by packages/core/tools/random_golden.py. */
const golden = JSON.parse(readFileSync(new URL('./random.golden.json', import.meta.url), 'utf8')) as {
  seeds: { parts: (string | number)[]; seed: number }[];
  streams: { seed: number; words: number[] }[];
};

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const moments = (values: number[]): { mean: number; variance: number } => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length };
};

describe('golden vectors', () => {
  it.each(golden.seeds)('seedFrom(%j)', ({ parts, seed }) => {
    expect(seedFrom(...parts)).toBe(seed);
  });

  it.each(golden.streams)('the stream of seed $seed', ({ seed, words }) => {
    const random = createRandom(seed);
    expect(words.map(() => random.uint32())).toEqual(words);
  });
});

describe('seedFrom', () => {
  test.prop([fc.array(fc.oneof(fc.string(), fc.integer()))])('is a safe integer that equal parts share', (parts) => {
    const seed = seedFrom(...parts);
    expect(Number.isSafeInteger(seed) && seed >= 0).toBe(true);
    expect(seedFrom(...parts)).toBe(seed);
  });

  it('tells numbers from strings, and one cut from another', () => {
    const all = [seedFrom(1), seedFrom('1'), seedFrom('ab', 'c'), seedFrom('a', 'bc'), seedFrom('a;sbc'), seedFrom()];
    expect(new Set(all).size).toBe(all.length);
  });

  it('does not collide over a hundred thousand neighbours', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) for (let j = 0; j < 100; j++) seen.add(seedFrom(7, 'rollout', i, j));
    expect(seen.size).toBe(100_000);
  });
});

describe('createRandom', () => {
  test.prop([seeds, fc.integer({ min: 1, max: 1000 })])('stays in range', (seed, n) => {
    const random = createRandom(seed);
    for (let i = 0; i < 50; i++) {
      const uniform = random.uniform();
      expect(uniform >= 0 && uniform < 1).toBe(true);
      const int = random.int(n);
      expect(Number.isInteger(int) && int >= 0 && int < n).toBe(true);
      expect(Number.isFinite(random.normal())).toBe(true);
      expect(Number.isFinite(random.gumbel())).toBe(true);
    }
  });

  test.prop([seeds, fc.array(fc.integer())])('shuffles a copy, losing nothing', (seed, items) => {
    const before = [...items];
    const shuffled = createRandom(seed).shuffle(items);
    expect(items).toEqual(before);
    expect(shuffled.sort((a, b) => a - b)).toEqual(before.sort((a, b) => a - b));
  });

  it('has the moments of its distributions', () => {
    const random = createRandom(seedFrom('moments'));
    const draw = (sample: () => number): { mean: number; variance: number } =>
      moments(Array.from({ length: 200_000 }, sample));
    const uniform = draw(() => random.uniform());
    expect(uniform.mean).toBeCloseTo(0.5, 2);
    expect(uniform.variance).toBeCloseTo(1 / 12, 2);
    const normal = draw(() => random.normal());
    expect(normal.mean).toBeCloseTo(0, 1);
    expect(normal.variance).toBeCloseTo(1, 1);
    const gumbel = draw(() => random.gumbel());
    expect(gumbel.mean).toBeCloseTo(0.5772, 1);
    expect(gumbel.variance).toBeCloseTo(Math.PI ** 2 / 6, 1);
  });

  it('draws integers, categories and orders evenly', () => {
    const random = createRandom(seedFrom('evenness'));
    const counts = (draws: number, kinds: number, sample: () => number): number[] => {
      const result = new Array<number>(kinds).fill(0);
      for (let i = 0; i < draws; i++) {
        const kind = sample();
        result[kind] = (result[kind] ?? 0) + 1;
      }
      return result;
    };
    const chiSquare = (observed: number[], expected: number[]): number => {
      const total = observed.reduce((a, b) => a + b, 0);
      return observed.reduce((sum, count, i) => {
        const mean = total * (expected[i] as number);
        return sum + (mean === 0 ? count : (count - mean) ** 2 / mean);
      }, 0);
    };
    const sixth = new Array<number>(6).fill(1 / 6);
    expect(
      chiSquare(
        counts(60_000, 6, () => random.int(6)),
        sixth,
      ),
    ).toBeLessThan(25);
    const orders = ['012', '021', '102', '120', '201', '210'];
    expect(
      chiSquare(
        counts(60_000, 6, () => orders.indexOf(random.shuffle([0, 1, 2]).join(''))),
        sixth,
      ),
    ).toBeLessThan(25);
    expect(
      chiSquare(
        counts(60_000, 3, () => random.categorical([3, 0, 1])),
        [0.75, 0, 0.25],
      ),
    ).toBeLessThan(20);
  });

  it('gives different streams to neighbouring seeds', () => {
    const first = Array.from({ length: 10_000 }, (_, seed) => createRandom(seed).uint32());
    expect(new Set(first).size).toBeGreaterThan(9_990);
    expect(moments(first.map((word) => word / 2 ** 32)).mean).toBeCloseTo(0.5, 1);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => createRandom(seed)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });

  it('refuses what cannot be drawn from', () => {
    const random = createRandom(0);
    const range: unknown = expect.objectContaining({ code: 'ERR_RANGE' });
    for (const n of [0, -1, 1.5, 2 ** 33, Number.NaN]) expect(() => random.int(n)).toThrow(range);
    for (const weights of [[], [0, 0], [-1, 2], [Number.NaN], [Infinity]]) {
      expect(() => random.categorical(weights)).toThrow(range);
    }
    expect(() => random.pick([])).toThrow(range);
  });
});
