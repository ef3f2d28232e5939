import { describe, expect, test } from 'vitest';
import { kernelsFor, type BackendName } from '../backends.ts';
import { describeBackends, poison } from '../conformance/backends.ts';
import { defineMcLabels, keyed, packed } from '../conformance/mcLabels.ts';
import { Random } from '../conformance/random.ts';
import { betaQuantile } from './betaQuantile.ts';
import {
  mcLabels,
  planMcLabels,
  type GroupedRollouts,
  type Labelling,
  type McLabelsInput,
  type McLabelsOutput,
} from './mcLabels.ts';

/** Ragged; now and then long, or all of eight. */
function randomOffsets(random: Random, seed: number): Int32Array {
  const steps = random.integer(1, 40);
  if (seed % 5 === 0) return Int32Array.from({ length: steps + 1 }, (_, i) => 8 * i);
  return random.offsets(steps, random.integer(1, seed % 7 === 0 ? 300 : 24));
}

function randomInput(seed: number): GroupedRollouts & Labelling {
  const random = new Random(seed);
  const offsets = randomOffsets(random, seed);
  const total = offsets[offsets.length - 1] as number;
  const share = random.uniform();
  const denominator = random.integer(1, 20);
  return {
    outcomes: Uint8Array.from({ length: total }, () => (random.uniform() < share ? 1 : random.integer(0, 3))),
    offsets,
    threshold: { numerator: random.integer(0, denominator - 1), denominator },
    interval: { kind: 'wilson', z: 0.5 + 2 * random.uniform() },
  };
}

/** The same as if unparsable were incorrect and failed correct, so that a bit says it. */
function binary(input: GroupedRollouts & Labelling): GroupedRollouts & Labelling {
  return { ...input, outcomes: input.outcomes.map((outcome) => outcome & 1) };
}

function labelPoisoned(input: McLabelsInput, backend: BackendName): McLabelsOutput {
  const plan = planMcLabels(input);
  poison(Object.values(plan.output));
  expect(kernelsFor('mcLabels', { backend }).mcLabels(plan)).toBe(-1);
  return plan.output;
}

/** The outputs as they lie in memory, as one text. */
function bytesOf(output: McLabelsOutput): string {
  const arrays = Object.values(output) as Int32Array[];
  return arrays.map((array) => Buffer.from(array.buffer).toString('latin1')).join('');
}

/** SciPy's beta.ppf([0.025, 0.975], 3.5, 5.5). */
const JEFFREYS_3_OF_8 = [0.11903918, 0.70517655] as const;

const COUNTS = ['correct', 'incorrect', 'unparsable', 'failed', 'label'] as const;
const INTERVAL = ['rate', 'lower', 'upper'] as const;

describeBackends('mcLabels', (backend) => {
  test('1,000 ragged batches: counts and labels are exact, intervals agree with Wilson’s formula', () => {
    for (let seed = 0; seed < 1000; seed += 1) {
      const input = randomInput(seed);
      const output = labelPoisoned(input, backend);
      const defined = defineMcLabels(input);
      for (const name of COUNTS) expect([...output[name]]).toEqual(defined.map((step) => step[name]));
      for (const name of INTERVAL) {
        const agrees = defined.every((step, i) => {
          const got = output[name][i] as number;
          return Number.isNaN(step[name]) ? Number.isNaN(got) : Math.abs(got - step[name]) <= 1e-6;
        });
        expect(agrees).toBe(true);
      }
    }
  });

  test('gives the bits of the TypeScript definition', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const input = randomInput(seed);
      expect(labelPoisoned(input, backend)).toEqual(labelPoisoned(input, 'js'));
    }
  });

  test('keyed and packed rollouts give the bits of grouped ones, in any order', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const input = randomInput(seed);
      const order = new Random(seed).permutation(input.outcomes.length);
      expect(labelPoisoned(keyed(input, order), backend)).toEqual(labelPoisoned(input, 'js'));
      const either = binary(input);
      expect(labelPoisoned(packed(either), backend)).toEqual(labelPoisoned(either, 'js'));
    }
  });

  test('bits behind the last rollout are ignored, and steps that no rollout names have no evidence', () => {
    const packedOnes = { bits: Uint8Array.of(255, 255), rollouts: 11, offsets: Int32Array.of(0, 9, 11) };
    expect([...mcLabels(packedOnes, { backend }).correct]).toEqual([9, 2]);
    const named = { outcomes: Uint8Array.of(1), steps: Int32Array.of(1), stepCount: 3 };
    expect([...mcLabels(named, { backend }).label]).toEqual([0, 1, 0]);
  });

  test('many steps on 1, 2 and 3 threads have the bits of the TypeScript definition', () => {
    const random = new Random(9);
    const offsets = random.offsets(100_000, 12);
    const total = offsets[offsets.length - 1] as number;
    const input = { outcomes: Uint8Array.from({ length: total }, () => random.integer(0, 3)), offsets };
    const inputs: McLabelsInput[] = [input, keyed(input, random.permutation(total)), packed(binary(input))];
    for (const form of inputs) {
      const expected = bytesOf(mcLabels(form, { backend: 'js' }));
      for (const threads of [1, 2, 3]) expect(bytesOf(mcLabels(form, { backend, threads }))).toBe(expected);
    }
  });

  test('Beta intervals are quantiles of the posterior, inside and outside the table', () => {
    const outcomes = new Uint8Array(108).fill(1, 5, 40);
    const input = { outcomes, offsets: Int32Array.of(0, 8, 8, 108) };
    const prior = { alpha: 2, beta: 0.5 };
    const { lower, upper } = mcLabels({ ...input, interval: { kind: 'beta', mass: 0.9, prior } }, { backend });
    const quantile = (p: number, correct: number, n: number) =>
      Math.fround(betaQuantile(p, 2 + correct, 0.5 + n - correct));
    expect([...lower]).toEqual([quantile(0.05, 3, 8), NaN, quantile(0.05, 32, 100)]);
    expect(upper[0]).toBeCloseTo(quantile(0.95, 3, 8), 7);
    expect(upper[2]).toBeCloseTo(quantile(0.95, 32, 100), 7);
    const jeffreys = mcLabels({ ...input, interval: { kind: 'beta' } }, { backend });
    expect(jeffreys.lower[0]).toBeCloseTo(JEFFREYS_3_OF_8[0], 6);
    expect(jeffreys.upper[0]).toBeCloseTo(JEFFREYS_3_OF_8[1], 6);
  });

  test('thresholds are compared in integers: 3 of 10 is not above 3/10, 4 of 13 is', () => {
    const outcomes = Uint8Array.of(1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const input = { outcomes, offsets: Int32Array.of(0, 10, 23), threshold: { numerator: 3, denominator: 10 } };
    expect([...mcLabels(input, { backend }).label]).toEqual([-1, 1]);
  });

  test('by default one correct rollout makes a step positive; failures are no evidence', () => {
    const outcomes = Uint8Array.of(1, 0, 2, 0, 0, 2, 2, 3, 3, 3, 3, 1);
    const output = mcLabels({ outcomes, offsets: Int32Array.of(0, 3, 5, 7, 9, 9, 12) }, { backend });
    expect([...output.label]).toEqual([1, -1, -1, 0, 0, 1]);
    expect([...output.failed]).toEqual([0, 0, 0, 2, 0, 2]);
    expect(output.rate[3]).toBeNaN();
    expect(output.rate[5]).toBe(1);
  });

  test('intervals reach 0 and 1 exactly and hold the rate', () => {
    const outcomes = new Uint8Array(40).fill(1, 20);
    const { lower, upper, rate } = mcLabels({ outcomes, offsets: Int32Array.of(0, 20, 40) }, { backend });
    expect([lower[0], upper[1]]).toEqual([0, 1]);
    expect([...rate]).toEqual([0, 1]);
    expect(upper[0]).toBeCloseTo(0.1611, 4);
    expect(lower[1]).toBeCloseTo(0.8389, 4);
  });

  describe('an outcome above 3', () => {
    test.each([0, 7, 8, 15, 16, 20])('at %i is refused by its index', (at) => {
      const outcomes = new Uint8Array(21).fill(1);
      outcomes[at] = 4;
      outcomes[20] = 255;
      const attempt = () => mcLabels({ outcomes, offsets: Int32Array.of(0, 3, 18, 21) }, { backend });
      expect(attempt).toThrow(
        expect.objectContaining({ code: 'ERR_VLPRM_OUTCOME', where: `mcLabels.outcomes[${at}]` }),
      );
    });
  });

  test('no steps is no error', () => {
    expect(mcLabels({ outcomes: new Uint8Array(0), offsets: Int32Array.of(0) }, { backend }).label).toHaveLength(0);
  });
});
