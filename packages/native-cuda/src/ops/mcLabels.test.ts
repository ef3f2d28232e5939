import { describe, expect, test } from 'vitest';
import { kernelsFor, type BackendName } from '../backends.ts';
import { describeBackends, poison } from '../conformance/backends.ts';
import { defineMcLabels } from '../conformance/mcLabels.ts';
import { Random } from '../conformance/random.ts';
import { mcLabels, planMcLabels, type McLabelsInput, type McLabelsOutput } from './mcLabels.ts';

function randomInput(seed: number): McLabelsInput {
  const random = new Random(seed);
  const offsets = random.offsets(random.integer(1, 40), random.integer(1, seed % 7 === 0 ? 300 : 24));
  const total = offsets[offsets.length - 1] as number;
  const share = random.uniform();
  const denominator = random.integer(1, 20);
  return {
    outcomes: Uint8Array.from({ length: total }, () => (random.uniform() < share ? 1 : random.integer(0, 3))),
    offsets,
    threshold: { numerator: random.integer(0, denominator - 1), denominator },
    z: 0.5 + 2 * random.uniform(),
  };
}

function labelPoisoned(input: McLabelsInput, backend: BackendName): McLabelsOutput {
  const plan = planMcLabels(input);
  poison(Object.values(plan.output));
  expect(kernelsFor('mcLabels', { backend }).mcLabels(plan)).toBe(-1);
  return plan.output;
}

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
