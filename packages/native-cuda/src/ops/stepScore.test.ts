import { describe, expect, test } from 'vitest';
import { kernelsFor, type BackendName } from '../backends.ts';
import { describeBackends, poison } from '../conformance/backends.ts';
import { Random } from '../conformance/random.ts';
import {
  decodeHalf,
  defineAggregates,
  defineBest,
  defineSteps,
  defineVote,
  encodeHalf,
  type Definition,
} from '../conformance/stepScore.ts';
import type { HiddenDtype } from './hiddenRows.ts';
import { stepHeadSize } from './stepHead.ts';
import { AGGREGATES, planStepScore, stepScore, type StepScoreInput, type StepScoreOutput } from './stepScore.ts';

const PROBABILITY_TOLERANCE = 1e-6;
/** Of logits and log-probabilities, relative above 1. */
const LOG_TOLERANCE = 4e-6;
const PRODUCT_TOLERANCE = 1e-5;

function hiddenRows(random: Random, dtype: HiddenDtype, length: number): Float32Array | Uint16Array {
  const values = random.normals(length);
  return dtype === 'f32' ? values : Uint16Array.from(values, (value) => encodeHalf(value, dtype));
}

interface Shape {
  dtype: HiddenDtype;
  width: number;
  rows: number;
  /** ≥ 2: label rows; 0: linear head; -h: two-layer head of h units. */
  scorer: number;
}

function scorerOf(random: Random, { width, scorer }: Shape): Pick<StepScoreInput, 'labelRows' | 'head'> {
  const scale = 1.5 / Math.sqrt(width);
  if (scorer >= 2) {
    return { labelRows: { rows: random.normals(scorer * width, scale), bias: random.normals(scorer, 0.3) } };
  }
  const hiddenSize = -scorer;
  const parameters = random.normals(stepHeadSize(width, hiddenSize), scale);
  if (hiddenSize > 0) parameters.set(random.normals(hiddenSize, 1.5 / Math.sqrt(hiddenSize)), hiddenSize * (width + 1));
  return { head: { inputSize: width, hiddenSize, parameters } };
}

/** Rows on the host, so that a test can look at them. */
type HostInput = StepScoreInput & { hidden: Float32Array | Uint16Array };

function randomInput(seed: number, shape: Shape): HostInput {
  const random = new Random(seed);
  const { dtype, width, rows } = shape;
  const candidateOffsets = random.offsets(Math.max(1, Math.ceil(rows / 4)), 9);
  const candidates = candidateOffsets.length - 1;
  const steps = candidateOffsets[candidates] as number;
  return {
    hidden: hiddenRows(random, dtype, rows * width),
    dtype,
    width,
    positions: Int32Array.from({ length: steps }, () => random.integer(0, rows - 1)),
    ...scorerOf(random, shape),
    temperature: 0.5 + random.uniform() * 2,
    candidateOffsets,
    problemOffsets: random.cuts(candidates, 1 + Math.floor(candidates / 5)),
    answers: Int32Array.from({ length: candidates }, () => random.integer(-1, 3)),
    threshold: 0.2 + 0.6 * random.uniform(),
    selectBy: AGGREGATES[random.integer(0, AGGREGATES.length - 1)] ?? 'mean',
  };
}

/** Computes with outputs poisoned beforehand, so that nothing may be left unwritten. */
function scorePoisoned(input: StepScoreInput, backend: BackendName): StepScoreOutput {
  const plan = planStepScore(input);
  const { aggregates, best, vote, ...steps } = plan.output;
  poison(Object.values(steps));
  poison(aggregates === undefined ? [] : Object.values(aggregates));
  poison([best, vote].filter((array) => array !== undefined));
  kernelsFor('stepScore', { backend }).stepScore(plan);
  return plan.output;
}

/** Largest distance between two lists that must be NaN at the same places. */
function worst(actual: ArrayLike<number>, expected: readonly number[], scale: (i: number) => number = () => 1): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((most, value, i) => {
    const got = actual[i] as number;
    if (Number.isNaN(value)) return Number.isNaN(got) ? most : Infinity;
    return Math.max(most, Number.isNaN(got) ? Infinity : Math.abs(got - value) / scale(i));
  }, 0);
}

function expectSteps(input: StepScoreInput, output: StepScoreOutput, defined: Definition): void {
  const labels = input.labelRows === undefined ? 2 : input.labelRows.rows.length / input.width;
  const scale = (step: number): number => Math.max(1, Math.abs(defined.logit[step] as number));
  expect(worst(output.probability, defined.probability)).toBeLessThanOrEqual(PROBABILITY_TOLERANCE);
  expect(worst(output.logit, defined.logit, scale)).toBeLessThanOrEqual(LOG_TOLERANCE);
  const logs = worst(output.logProbability, defined.logProbability.flat(), (i) => scale(Math.floor(i / labels)));
  expect(logs).toBeLessThanOrEqual(LOG_TOLERANCE);
}

function expectAggregates(input: StepScoreInput, output: StepScoreOutput, { probability }: Definition): void {
  const { candidateOffsets = Int32Array.of(0), threshold = 0.5 } = input;
  const { aggregates } = output;
  if (aggregates === undefined) throw new Error('no aggregates');
  const candidates = Array.from({ length: candidateOffsets.length - 1 }, (_, candidate) =>
    probability.slice(candidateOffsets[candidate], candidateOffsets[candidate + 1]),
  );
  const defined = candidates.map((steps) => defineAggregates(steps, threshold));
  for (const name of AGGREGATES) {
    const expected = defined.map((candidate) => candidate[name]);
    const relative = name === 'product' || name === 'geometricMean';
    const distance = worst(aggregates[name], expected, (i) => (relative ? (expected[i] as number) : 1));
    expect(distance).toBeLessThanOrEqual(relative ? PRODUCT_TOLERANCE : PROBABILITY_TOLERANCE);
  }
  candidates.forEach((steps, candidate) => {
    const clear = steps.every((p) => Math.abs(p - threshold) > PROBABILITY_TOLERANCE);
    if (clear) expect(aggregates.firstError[candidate]).toBe(defined[candidate]?.firstError);
  });
}

function expectAgreement(input: StepScoreInput, output: StepScoreOutput): void {
  const defined = defineSteps(input);
  expectSteps(input, output, defined);
  expectAggregates(input, output, defined);
}

/** The choice must follow exactly from the aggregates as they were written. */
function expectChoices(input: StepScoreInput, output: StepScoreOutput): void {
  const { problemOffsets = Int32Array.of(0), answers = Int32Array.of(), selectBy = 'mean' } = input;
  const scores = [...(output.aggregates?.[selectBy] ?? [])];
  for (let problem = 0; problem + 1 < problemOffsets.length; problem += 1) {
    const begin = problemOffsets[problem] as number;
    const end = problemOffsets[problem + 1] as number;
    expect(output.best?.[problem]).toBe(defineBest(scores, begin, end));
    expect(output.vote?.[problem]).toBe(defineVote(scores, answers, begin, end));
  }
}

const WIDTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 110, 127];
const ROWS = [1, 2, 3, 4, 5, 8, 63, 64, 65, 130];

describeBackends('stepScore', (backend) => {
  describe.each(['f32', 'bf16', 'f16'] as const)('%s rows', (dtype) => {
    test.each(WIDTHS)('label rows of width %i agree with the float64 definition', (width) => {
      for (const [i, rows] of ROWS.entries()) {
        const input = randomInput(1000 * width + i, { dtype, width, rows, scorer: 2 + (i % 3) });
        const output = scorePoisoned(input, backend);
        expectAgreement(input, output);
        expectChoices(input, output);
      }
    });

    test('a language-model width agrees with the float64 definition', () => {
      for (const scorer of [2, 5]) {
        const input = randomInput(7 + scorer, { dtype, width: 3584, rows: 30, scorer });
        const output = scorePoisoned(input, backend);
        expectAgreement(input, output);
      }
    });
  });

  test.each([0, -1, -3, -15, -16, -17, -64])(
    'a head of %i hidden units agrees with the float64 definition',
    (scorer) => {
      for (const [i, width] of [...WIDTHS, 300].entries()) {
        const rows = ROWS[i % ROWS.length] as number;
        const input = randomInput(i + 31, { dtype: 'f32', width, rows, scorer });
        const output = scorePoisoned(input, backend);
        expectAgreement(input, output);
        expectChoices(input, output);
      }
    },
  );

  test.each(['bf16', 'f16'] as const)('every one of the 65,536 %s patterns is read exactly', (dtype) => {
    const hidden = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
    const { logit } = stepScore({ hidden, dtype, width: 1, labelRows: { rows: Float32Array.of(1, 0) } }, { backend });
    // -0 may come out as 0: a sum from 0 begins it.
    const expected = Float32Array.from(hidden, (pattern) => decodeHalf(pattern, dtype) + 0);
    expect(logit.map((value) => value + 0)).toEqual(expected);
  });

  test('scores do not depend on the rest of the batch, on order or on repeats', () => {
    for (const scorer of [2, 4, 0, -17]) {
      const random = new Random(5);
      const shape: Shape = { dtype: 'f32', width: 37, rows: 150, scorer };
      const hidden = random.normals(150 * 37);
      const input = { hidden, dtype: 'f32', width: 37, ...scorerOf(random, shape) } as const;
      const whole = scorePoisoned(input, backend);
      const order = new Random(9).permutation(150);
      const permuted = scorePoisoned({ ...input, positions: order }, backend);
      expect(permuted.logit).toEqual(Float32Array.from(order, (row) => whole.logit[row] as number));
      expect(permuted.probability).toEqual(Float32Array.from(order, (row) => whole.probability[row] as number));
      for (const row of [0, 1, 63, 64, 149]) {
        const alone = scorePoisoned({ ...input, positions: Int32Array.of(row) }, backend);
        expect(alone.logit[0]).toBe(whole.logit[row]);
      }
      expect(scorePoisoned(input, backend)).toEqual(whole);
    }
  });

  test('scores of long calls do not depend on threads, on order or on repeats', () => {
    const { stepScore: kernel } = kernelsFor('stepScore', { backend });
    const random = new Random(21);
    const [rows, width] = [600, 1100];
    const hidden = random.normals(rows * width);
    for (const scorer of [2, -17]) {
      const input = {
        hidden,
        dtype: 'f32',
        width,
        ...scorerOf(random, { dtype: 'f32', width, rows, scorer }),
      } as const;
      const whole = stepScore(input, { backend, threads: 1 });
      for (let repeat = 0; repeat < (backend === 'cpu' ? 20 : 1); repeat += 1) {
        const order = random.permutation(rows);
        const expected = Float32Array.from(order, (row) => whole.logit[row] as number);
        for (const threads of backend === 'cpu' ? [1, 2, 3] : [1]) {
          const plan = planStepScore({ ...input, positions: order });
          kernel(plan, threads);
          expect(plan.output.logit).toEqual(expected);
        }
      }
    }
  });

  test('rows that are not aligned in memory score the same', () => {
    const input = randomInput(11, { dtype: 'f32', width: 19, rows: 40, scorer: 3 });
    const shifted = new Float32Array(input.hidden.length + 1).subarray(1);
    shifted.set(input.hidden);
    expect(scorePoisoned({ ...input, hidden: shifted }, backend)).toEqual(scorePoisoned(input, backend));
  });

  test('logits of any size give probabilities, never NaN', () => {
    const hidden = Float32Array.of(1e30, -1e30, 800, -800, 0, Infinity, -Infinity);
    const input = { hidden, dtype: 'f32', width: 1, labelRows: { rows: Float32Array.of(1, 0) } } as const;
    const { probability, logProbability } = stepScore(input, { backend });
    expect([...probability]).toEqual([1, 0, 1, 0, 0.5, 1, 0]);
    expect(logProbability[2 * 2 + 1]).toBeCloseTo(-800, 3);
    expect(logProbability[3 * 2]).toBeCloseTo(-800, 3);
    expect([...logProbability].some(Number.isNaN)).toBe(false);
  });

  test.each(['f32', 'bf16', 'f16'] as const)(
    'an infinite element of a %s row is counted once, wherever it is',
    (dtype) => {
      for (const width of [5, 16, 19, 37]) {
        const infinity = dtype === 'f32' ? Infinity : dtype === 'bf16' ? 0x7f80 : 0x7c00;
        const hidden = new (dtype === 'f32' ? Float32Array : Uint16Array)(width * width);
        for (let row = 0; row < width; row += 1) hidden[row * width + row] = infinity;
        const labelRows = { rows: new Float32Array(2 * width).fill(1, 0, width) };
        const { logit } = stepScore({ hidden, dtype, width, labelRows }, { backend });
        expect([...logit]).toEqual(new Array(width).fill(Infinity));
      }
    },
  );

  test('a NaN row scores NaN, reaches its candidate and is never chosen', () => {
    const hidden = Float32Array.of(0, 2, NaN, 3, -1, NaN);
    const output = stepScore(
      {
        hidden,
        dtype: 'f32',
        width: 1,
        labelRows: { rows: Float32Array.of(1, 0) },
        candidateOffsets: Int32Array.of(0, 2, 4, 5, 6),
        problemOffsets: Int32Array.of(0, 3, 4),
        answers: Int32Array.of(4, 8, 8, 1),
      },
      { backend },
    );
    expect(output.probability[2]).toBeNaN();
    for (const name of ['min', 'mean', 'product', 'max', 'geometricMean'] as const) {
      expect(output.aggregates?.[name][1]).toBeNaN();
    }
    expect(output.aggregates?.last[1]).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
    expect([...(output.best ?? [])]).toEqual([0, -1]);
    expect([...(output.vote ?? [])]).toEqual([4, -1]);
  });

  test('ties go to the lowest candidate and to the answer that comes first', () => {
    const output = stepScore(
      {
        hidden: Float32Array.of(1, 1, 1, 1),
        dtype: 'f32',
        width: 1,
        labelRows: { rows: Float32Array.of(1, 0) },
        candidateOffsets: Int32Array.of(0, 1, 2, 3, 4),
        problemOffsets: Int32Array.of(0, 4, 4),
        answers: Int32Array.of(7, 2, 2, 7),
      },
      { backend },
    );
    expect([...(output.best ?? [])]).toEqual([0, -1]);
    expect([...(output.vote ?? [])]).toEqual([7, -1]);
  });

  test('an empty batch gives empty outputs', () => {
    const output = stepScore(
      {
        hidden: new Float32Array(0),
        dtype: 'f32',
        width: 4,
        labelRows: { rows: new Float32Array(8) },
        candidateOffsets: Int32Array.of(0, 0, 0),
        problemOffsets: Int32Array.of(0, 2),
        answers: Int32Array.of(1, 1),
      },
      { backend },
    );
    expect(output.logit).toHaveLength(0);
    expect([...(output.aggregates?.mean ?? [])]).toEqual([NaN, NaN]);
    expect([...(output.best ?? [])]).toEqual([-1]);
    expect([...(output.vote ?? [])]).toEqual([-1]);
  });

  test('shared memory is read', () => {
    const input = randomInput(3, { dtype: 'f32', width: 5, rows: 9, scorer: 2 });
    const shared = new Float32Array(new SharedArrayBuffer(input.hidden.byteLength));
    shared.set(input.hidden);
    expect(scorePoisoned({ ...input, hidden: shared }, backend)).toEqual(scorePoisoned(input, backend));
  });
});
