import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepHeadSize, type StepHead } from '@vlprm/native-cuda';
import { PROBLEM_SCHEMA, type Problem, type Step } from '../../records/index.ts';
import { formatSteps } from '../../text/step-grammar.ts';
import { picture, solution, STAND_IN, STEPS } from '../fixtures/stand-in.ts';
import type { Solution } from '../ports.ts';
import { writePrmBundle } from '../prm-bundle.ts';
import { loadPrm, type LoadedPrm } from './prm.ts';
import { StepReader, type ReadableSolution, type StepRows } from './step-reader.ts';

/** Batch-mates change the block sizes of the matrix products, so the last bits may differ; values here are of order 1. */
const BATCH_TOLERANCE = 2e-5;

const WORDS = ['red', 'green', 'circle', 'square', 'top', 'left', 'n1', 'n7', 'so', 'is'];
const ONE_SHOT: readonly Step[] = [{ kind: null, text: formatSteps(STEPS) }];

let images: Uint8Array[];
beforeAll(async () => {
  images = await Promise.all([1, 2, 3].map(picture));
});

function rowsOf(rows: StepRows, index: number): Float32Array {
  return rows.features.subarray(rows.offsets[index]! * rows.width, rows.offsets[index + 1]! * rows.width);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

const step = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 5 }).map((words) => words.join(' '));
const anySolution = fc
  .tuple(fc.nat(2), fc.array(step, { minLength: 1, maxLength: 3 }), fc.array(step, { maxLength: 3 }))
  .map(([image, seen, said]) => ({
    image,
    steps: [
      ...seen.map((text) => ({ kind: 'perception' as const, text })),
      ...said.map((text) => ({ kind: 'reasoning' as const, text })),
    ],
  }));

describe('StepReader', () => {
  let reader: StepReader;
  let blind: StepReader;
  beforeAll(async () => {
    [reader, blind] = await Promise.all([
      StepReader.open(STAND_IN, { threads: 2 }),
      StepReader.open(STAND_IN, { threads: 1, blind: true }),
    ]);
  });
  afterAll(() => Promise.all([reader.close(), blind.close()]));

  it('returns one row a step', async () => {
    const rows = await reader.read([solution(images[0]!), solution(images[1]!, STEPS.slice(0, 1))]);
    expect([...rows.offsets]).toEqual([0, 3, 4]);
    expect(rows.width).toBe(28);
    expect(rows.features).toHaveLength(4 * 28);
    expect(rows.features.every(Number.isFinite)).toBe(true);
  });

  it('reads nothing for no solutions', async () => {
    expect(await reader.read([])).toMatchObject({ forwards: 0, forwardTokens: 0 });
  });

  it('reads the same question once, also when a whole solution is asked as one step', async () => {
    const rows = await reader.read([solution(images[0]!), solution(images[0]!, ONE_SHOT), solution(images[0]!)]);
    expect(rows.forwards).toBe(1);
    const single = rowsOf(rows, 0);
    expect([...rowsOf(rows, 2)]).toEqual([...single]);
    expect([...rowsOf(rows, 1).subarray(0, 16)]).toEqual([...single.subarray(2 * 28, 2 * 28 + 16)]);
  });

  it('reads every image on its own, and one-shot needs no forward of its own there either', async () => {
    const rows = await reader.read(images.flatMap((image) => [solution(image), solution(image, ONE_SHOT)]));
    expect(rows.forwards).toBe(3);
    expect(largestDifference(rowsOf(rows, 0), rowsOf(rows, 2))).toBeGreaterThan(1e-3);
  });

  it('gives the same features whoever shares the batch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySolution, { minLength: 2, maxLength: 40 }), async (drawn) => {
        const solutions = drawn.map(({ image, steps }) => solution(images[image]!, steps));
        const together = await reader.read(solutions);
        const alone = await reader.read([solutions[0]!]);
        expect(largestDifference(rowsOf(together, 0), rowsOf(alone, 0))).toBeLessThan(BATCH_TOLERANCE);
      }),
      { numRuns: 25 },
    );
  });

  it('gives a step the same features whatever follows it', async () => {
    const [whole, prefix] = await Promise.all([
      reader.read([solution(images[0]!)]),
      reader.read([solution(images[0]!, STEPS.slice(0, 2))]),
    ]);
    expect(largestDifference(whole.features.subarray(0, 2 * 28), prefix.features)).toBeLessThan(BATCH_TOLERANCE);
  });

  it('does not look at the image when blind', async () => {
    const seen: ReadableSolution[] = [
      solution(images[0]!),
      solution(images[1]!),
      { ...solution(images[0]!), images: [] },
      { ...solution(images[0]!), images: [Uint8Array.of(1, 2, 3)] },
    ];
    const rows = await blind.read(seen);
    expect(rows.forwards).toBe(1);
    for (let i = 1; i < seen.length; i++) expect([...rowsOf(rows, i)]).toEqual([...rowsOf(rows, 0)]);
  });

  it.each<[string, () => ReadableSolution, string]>([
    ['an image that cannot be decoded', () => solution(Uint8Array.of(1, 2, 3)), 'ERR_IMAGE_DECODE'],
    ['no image', () => ({ ...solution(images[0]!), images: [] }), 'ERR_TRACE_MALFORMED'],
    ['two images', () => ({ ...solution(images[0]!), images: [images[0]!, images[1]!] }), 'ERR_TRACE_MALFORMED'],
    ['no steps', () => solution(images[0]!, []), 'ERR_TRACE_EMPTY'],
    ['an unknown word', () => solution(images[0]!, [{ kind: 'reasoning', text: 'zebra' }]), 'ERR_TOKEN_UNKNOWN'],
  ])('refuses %s, and goes on serving', async (_, bad, code) => {
    await expect(reader.read([solution(images[0]!), bad()])).rejects.toMatchObject({ code });
    await expect(reader.read([solution(images[0]!)])).resolves.toMatchObject({ forwards: 1 });
  });

  it('names the solution that is at fault', async () => {
    const bad = solution(images[0]!, [STEPS[0]!, { kind: 'reasoning', text: 'zebra' }]);
    await expect(reader.read([solution(images[0]!), bad])).rejects.toMatchObject({
      where: 'solution 1 of problem p1, step 1',
    });
  });

  it('stops when it is told to', async () => {
    await expect(reader.read([solution(images[0]!)], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
  });

  it('tells how far it is', async () => {
    const seen: [number, number][] = [];
    await reader.read(
      images.map((image) => solution(image)),
      { onProgress: (done, total) => seen.push([done, total]) },
    );
    expect(seen).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });
});

describe('loadPrm', () => {
  const head: StepHead = {
    inputSize: 28,
    hiddenSize: 4,
    parameters: Float32Array.from({ length: stepHeadSize(28, 4) }, (_, i) => Math.sin(7 * i) / 2),
  };
  let folder: string;
  let prm: LoadedPrm;
  let asked: Solution[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vlprm-prm-'));
    await writePrmBundle(
      folder,
      {
        name: 'test',
        labelSemantics: 'first-error',
        labelRule: 'hybrid',
        aggregation: 'mean',
        threshold: { value: 0.4, chosenOn: 'validation' },
        gateThreshold: null,
        temperature: 2,
        blind: false,
        metrics: {},
        supervisedSteps: 1,
        data: { sha256: null, licenses: [] },
        groupsSeen: [],
        seed: 0,
        versions: {},
      },
      head,
      STAND_IN,
    );
    prm = await loadPrm(folder, { threads: 1 });
    const problem = {
      schema: PROBLEM_SCHEMA,
      id: 'p1',
      groupId: 'g1',
      images: [],
      options: null,
      source: 'test',
    } satisfies Omit<Problem, 'answer' | 'question'>;
    asked = images.flatMap((image) =>
      [STEPS, ONE_SHOT].map((steps) => ({
        problem: { ...problem, question: solution(image).problem.question },
        images: [image],
        steps,
      })),
    );
  });
  afterAll(async () => {
    await prm.close();
    await rm(folder, { recursive: true });
  });

  it('scores every step of every solution in one pass', async () => {
    const { scores, forwards, usage } = await prm.scoreSteps(asked);
    expect(scores.map(({ probabilities }) => probabilities.length)).toEqual([3, 1, 3, 1, 3, 1]);
    expect(forwards).toBe(3);
    expect(usage).toEqual({ calls: 3, promptTokens: scores[0]!.tokens * 3, completionTokens: 0, usd: 0 });
  });

  it('is the head on the features, with the temperature applied to the probability alone', async () => {
    const reader = await StepReader.open(STAND_IN, { threads: 1 });
    const { features } = await reader.read([asked[0]!]);
    const { scores } = await prm.scoreSteps([asked[0]!]);
    for (let row = 0; row < 3; row++) {
      const logit = headLogit(head, features.subarray(row * 28, (row + 1) * 28));
      expect(scores[0]!.logits[row]).toBeCloseTo(logit, 4);
      expect(scores[0]!.probabilities[row]).toBeCloseTo(1 / (1 + Math.exp(-logit / 2)), 5);
    }
    await reader.close();
  });

  it('scores nothing for no solutions', async () => {
    expect(await prm.scoreSteps([])).toMatchObject({ scores: [], forwards: 0 });
  });
});

/** Definition of a two-layer head in float64. */
function headLogit({ inputSize, hiddenSize, parameters }: StepHead, x: Float32Array): number {
  const bias = hiddenSize * inputSize;
  const output = bias + hiddenSize;
  let logit = parameters[output + hiddenSize]!;
  for (let unit = 0; unit < hiddenSize; unit++) {
    const sum = x.reduce((acc, value, i) => acc + value * parameters[unit * inputSize + i]!, parameters[bias + unit]!);
    logit += Math.max(0, sum) * parameters[output + unit]!;
  }
  return logit;
}
