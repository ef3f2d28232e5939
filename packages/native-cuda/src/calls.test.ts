/** Synchronous and asynchronous calls give the same bits, and the promise behaves whatever the backend. */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { backends, type BackendName } from './backends.ts';
import { Random } from './conformance/random.ts';
import { mcLabels, mcLabelsAsync, type McLabelsInput } from './ops/mcLabels.ts';
import { stepHeadSize } from './ops/stepHead.ts';
import { stepLoss, stepLossAsync, type StepLossInput } from './ops/stepLoss.ts';
import { stepScore, stepScoreAsync, type StepScoreInput } from './ops/stepScore.ts';

const WIDTH = 512;
/** Rows that are scored at once, and rows that go to the background on cpu. */
const SIZES = [3, 16_000] as const;

function scoreInput(rows: number): StepScoreInput {
  const random = new Random(rows);
  const hidden = new Float32Array(rows * WIDTH);
  hidden.set(random.normals(Math.min(hidden.length, 9999)));
  return {
    hidden,
    dtype: 'f32',
    width: WIDTH,
    positions: Int32Array.from({ length: rows }, () => random.integer(0, rows - 1)),
    labelRows: { rows: random.normals(2 * WIDTH, 0.05) },
    candidateOffsets: random.cuts(rows, 20),
    problemOffsets: random.cuts(20, 4),
  };
}

function lossInput(rows: number): StepLossInput {
  const random = new Random(rows);
  const { hidden, positions } = scoreInput(rows);
  return {
    features: hidden,
    width: WIDTH,
    rowIndices: positions,
    targets: Float32Array.from({ length: rows }, () => random.uniform()),
    weights: new Float32Array(rows).fill(1),
    head: { inputSize: WIDTH, hiddenSize: 0, parameters: random.normals(stepHeadSize(WIDTH, 0), 0.1) },
    loss: 'bce',
  };
}

function labelInput(steps: number): McLabelsInput {
  const random = new Random(steps);
  const offsets = Int32Array.from({ length: steps + 1 }, (_, i) => 500 * i);
  return { outcomes: Uint8Array.from({ length: 500 * steps }, () => random.integer(0, 3)), offsets };
}

const CPU_AND_JS = backends()
  .filter(({ name, available }) => available && name !== 'cuda')
  .map(({ name }) => name);

describe.each(CPU_AND_JS)('%s', (backend: BackendName) => {
  test.each(SIZES)('the promise brings the bits of the synchronous call (%d rows)', async (rows) => {
    const scores = scoreInput(rows);
    expect(await stepScoreAsync(scores, { backend })).toEqual(stepScore(scores, { backend }));
    const loss = lossInput(rows);
    expect(await stepLossAsync(loss, { backend })).toEqual(stepLoss(loss, { backend }));
    const labels = labelInput(Math.ceil(rows / 10));
    expect(await mcLabelsAsync(labels, { backend })).toEqual(mcLabels(labels, { backend }));
  });

  test('bad input rejects, and never throws where it is called', async () => {
    const input = { ...scoreInput(3), width: -1 };
    const rejected = stepScoreAsync(input, { backend });
    await expect(rejected).rejects.toMatchObject({ code: 'ERR_VLPRM_RANGE', where: 'stepScore.width' });
    const outcomes = new Uint8Array(20_000_000).fill(1);
    outcomes[12_345_678] = 9;
    const labels = mcLabelsAsync({ outcomes, offsets: Int32Array.of(0, outcomes.length) }, { backend });
    await expect(labels).rejects.toMatchObject({ code: 'ERR_VLPRM_OUTCOME', where: 'mcLabels.outcomes[12345678]' });
  });

  test('an aborted signal rejects with its reason before anything is computed', async () => {
    const signal = AbortSignal.abort('changed my mind');
    for (const rows of SIZES) {
      await expect(stepScoreAsync(scoreInput(rows), { backend, signal })).rejects.toBe('changed my mind');
    }
    await expect(stepScoreAsync(scoreInput(3), { backend, signal: {} as AbortSignal })).rejects.toMatchObject({
      code: 'ERR_VLPRM_TYPE',
      where: 'stepScore.options.signal',
    });
  });

  test('a signal is listened to while a job runs, by one listener, and let go after it', async () => {
    const { signal } = new AbortController();
    const input = scoreInput(SIZES[1]);
    const jobs = Array.from({ length: 12 }, () => stepScoreAsync(input, { backend, signal }));
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
    await Promise.all(jobs);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a gradient that was passed is written when the promise resolves', async () => {
    const input = lossInput(SIZES[1]);
    const gradient = new Float32Array(stepHeadSize(WIDTH, 0));
    const output = await stepLossAsync({ ...input, gradient }, { backend });
    expect(output.gradient).toBe(gradient);
    expect(gradient).toEqual(stepLoss(input, { backend }).gradient);
    await expect(stepLossAsync({ ...input, gradient }, { backend, signal: AbortSignal.abort('no') })).rejects.toBe(
      'no',
    );
    expect(gradient).toEqual(stepLoss(input, { backend }).gradient);
  });
});

test('a signal during a job ends it, and its reason is what the promise rejects with', async (context) => {
  if (!CPU_AND_JS.includes('cpu')) return context.skip('needs the native addon: it was not built');
  const controller = new AbortController();
  const input = scoreInput(SIZES[1]);
  const jobs = Array.from({ length: 50 }, () => stepScoreAsync(input, { backend: 'cpu', signal: controller.signal }));
  setImmediate(() => controller.abort('enough'));
  const outcomes = await Promise.allSettled(jobs);
  expect(outcomes.at(-1)).toEqual({ status: 'rejected', reason: 'enough' });
});

describe('threads', () => {
  test('do not change a bit, and must be a number that makes sense', () => {
    const input = scoreInput(SIZES[1]);
    for (const backend of CPU_AND_JS) {
      expect(stepScore(input, { backend, threads: 3 })).toEqual(stepScore(input, { backend, threads: 1 }));
      for (const threads of [0, 257, 1.5, NaN]) {
        expect(() => stepScore(input, { backend, threads })).toThrow(
          expect.objectContaining({ code: 'ERR_VLPRM_RANGE', where: 'stepScore.options.threads' }),
        );
      }
    }
  });

  test('VLPRM_THREADS stands in for the option, and is checked too', () => {
    const before = process.env['VLPRM_THREADS'];
    try {
      process.env['VLPRM_THREADS'] = 'many';
      expect(() => stepScore(scoreInput(3))).toThrow(
        expect.objectContaining({ code: 'ERR_VLPRM_RANGE', where: 'VLPRM_THREADS' }),
      );
      expect(() => stepScore(scoreInput(3), { threads: 1 })).not.toThrow();
    } finally {
      if (before === undefined) delete process.env['VLPRM_THREADS'];
      else process.env['VLPRM_THREADS'] = before;
    }
  });
});
