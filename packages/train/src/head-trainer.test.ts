import { backends, memoryUsage, stepScore } from '@vlprm/native-cuda';
import { createEvents, createRandom, type Progress } from '@vlprm/core/runtime';
import { describe, expect, it } from 'vitest';
import { trainHead, type HeadTrainingInput } from './head-trainer.ts';
import { resolveTrainOptions, type TrainOptionsInput } from './options.ts';
import type { TrainingRow } from './rows.ts';
import { fitStandardization, foldStandardization, standardize } from './standardization.ts';

const WIDTH = 6;

/** Rows whose class is a curved function of two features that have large means and unequal scales. */
function problem(count: number, seed: number, options: TrainOptionsInput = {}): HeadTrainingInput {
  const random = createRandom(seed);
  const features = new Float32Array(count * WIDTH);
  const rows = Array.from({ length: count }, (_, row): TrainingRow => {
    const [a, b] = [random.normal(), random.normal()];
    features.set([500 + 40 * a, 0.01 * b, 3, random.normal(), random.normal(), a + b], row * WIDTH);
    return { row, role: 'step', kind: null, target: a * a + b > 0.3 ? 1 : 0, weight: 1 };
  });
  const cut = Math.floor(count * 0.8);
  return {
    features,
    width: WIDTH,
    training: rows.slice(0, cut),
    validation: rows.slice(cut),
    options: resolveTrainOptions({ hiddenSize: 32, batchSize: 64, learningRate: 1e-2, ...options }),
  };
}

function accuracy({ features, validation }: HeadTrainingInput, head: Parameters<typeof stepScore>[0]['head']): number {
  const positions = Int32Array.from(validation, ({ row }) => row);
  const { probability } = stepScore({ hidden: features, dtype: 'f32', width: WIDTH, positions, head });
  return validation.filter(({ target }, i) => probability[i]! > 0.5 === (target === 1)).length / validation.length;
}

describe('trainHead', () => {
  it('learns a curved boundary from raw features, which a linear head cannot', async () => {
    const curved = problem(2000, 1);
    const { head, epochs, bestEpoch } = await trainHead(curved);
    expect(accuracy(curved, head)).toBeGreaterThan(0.93);
    expect(epochs[bestEpoch]!.validationLoss).toBeLessThan(epochs[0]!.validationLoss);
    const linear = problem(2000, 1, { hiddenSize: 0 });
    expect(accuracy(linear, (await trainHead(linear)).head)).toBeLessThan(0.85);
  });

  it('returns the head of the best epoch and stops when no epoch is better', async () => {
    const noise = problem(400, 2, { epochs: 60, patience: 2, learningRate: 0.05 });
    const random = createRandom(3);
    const shuffled = noise.training.map((row) => ({
      ...row,
      target: random.uniform() < 0.5 ? (1 as const) : (0 as const),
    }));
    const { epochs, bestEpoch } = await trainHead({ ...noise, training: shuffled });
    expect(epochs).toHaveLength(bestEpoch + 3);
    expect(Math.min(...epochs.map(({ validationLoss }) => validationLoss))).toBe(epochs[bestEpoch]!.validationLoss);
  });

  it('gives the same head for the same seed, another for another', async () => {
    const parametersOf = async (seed: number) =>
      (await trainHead(problem(300, 1, { seed, epochs: 2 }))).head.parameters;
    expect(await parametersOf(5)).toEqual(await parametersOf(5));
    expect(await parametersOf(5)).not.toEqual(await parametersOf(6));
  });

  it.each(backends().filter(({ available }) => available))('learns the same on backend $name', async ({ name }) => {
    const small = problem(600, 4, { epochs: 4 });
    const [own, definition] = await Promise.all([
      trainHead({ ...small, backend: name }),
      trainHead({ ...small, backend: 'js' }),
    ]);
    expect(own.epochs.at(-1)!.validationLoss).toBeCloseTo(definition.epochs.at(-1)!.validationLoss, 3);
    expect(memoryUsage().buffers).toBe(0);
  });

  it('pays no attention to rows of little weight', async () => {
    const input = problem(1500, 5);
    const flipped = input.training.map((row, i) =>
      i % 3 === 0 ? { ...row, target: (1 - row.target) as 0 | 1, weight: 1e-4 } : row,
    );
    expect(accuracy(input, (await trainHead({ ...input, training: flipped })).head)).toBeGreaterThan(0.9);
  });

  it('tells each epoch and stops on a signal', async () => {
    const events = createEvents();
    const seen: Progress[] = [];
    events.on('progress', (event) => seen.push(event));
    await trainHead({ ...problem(200, 6, { epochs: 3 }), events });
    expect(seen.map(({ stage, done, total }) => [stage, done, total])).toEqual(
      [0, 1, 2, 3].map((done) => ['train', done, 3]),
    );
    const controller = new AbortController();
    events.on('progress', ({ done }) => done === 1 && controller.abort());
    await expect(
      trainHead({ ...problem(200, 6, { epochs: 50, patience: 50 }), events, signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  it.each([
    ['no wrong step', (rows: TrainingRow[]) => rows.filter(({ target }) => target === 1)],
    ['no right step', (rows: TrainingRow[]) => rows.filter(({ target }) => target === 0)],
    ['nothing', () => []],
  ])('refuses to train on %s', async (_, keep) => {
    const input = problem(100, 7);
    await expect(trainHead({ ...input, training: keep([...input.training]) })).rejects.toMatchObject({
      code: 'ERR_DATASET_INVALID',
    });
  });

  it('refuses to stop without validation rows', async () => {
    await expect(trainHead({ ...problem(100, 7), validation: [] })).rejects.toMatchObject({
      code: 'ERR_DATASET_INVALID',
    });
  });

  it('says so when the features are not finite', async () => {
    const input = problem(100, 8);
    input.features.fill(Number.NaN);
    await expect(trainHead(input)).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
  });
});

describe.each([0, 5])('a folded head of %i units', (hiddenSize) => {
  it('gives on raw features what it gave on standardised ones', () => {
    const { features, training } = problem(200, 9);
    const standardization = fitStandardization(features, WIDTH, training);
    const random = createRandom(1);
    const size = hiddenSize === 0 ? WIDTH + 1 : hiddenSize * (WIDTH + 2) + 1;
    const head = {
      inputSize: WIDTH,
      hiddenSize,
      parameters: Float32Array.from({ length: size }, () => random.normal()),
    };
    const standardized = standardize(features, training, standardization);
    const positions = Int32Array.from(training, ({ row }) => row);
    const before = stepScore({ hidden: standardized, dtype: 'f32', width: WIDTH, head }).logit;
    const folded = foldStandardization(head, standardization);
    const after = stepScore({ hidden: features, dtype: 'f32', width: WIDTH, positions, head: folded }).logit;
    after.forEach((logit, i) => expect(logit).toBeCloseTo(before[i]!, 3));
  });

  it('ignores a feature that never varies', () => {
    const { features, training } = problem(50, 10);
    const { deviation, mean } = fitStandardization(features, WIDTH, training);
    expect([mean[2], deviation[2]]).toEqual([expect.closeTo(3, 10), 1]);
  });
});
