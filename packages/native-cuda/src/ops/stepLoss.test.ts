import { describe, expect, test } from 'vitest';
import { kernelsFor, type BackendName } from '../backends.ts';
import { describeBackends, poison } from '../conformance/backends.ts';
import { Random } from '../conformance/random.ts';
import { defineLoss, differentiate } from '../conformance/stepLoss.ts';
import { adamw } from './adamw.ts';
import { stepHeadSize } from './stepHead.ts';
import { planStepLoss, stepLoss, type StepLossInput, type StepLossOutput } from './stepLoss.ts';

const LOSS_TOLERANCE = 1e-6;
const GRADIENT_TOLERANCE = 1e-5;

interface Shape {
  width: number;
  hiddenSize: number;
  rows: number;
}

/** Half of the targets hard, half soft; a fifth of the rows masked, and masked rows hold NaN, which must not be looked at. */
function randomInput(seed: number, { width, hiddenSize, rows }: Shape): StepLossInput {
  const random = new Random(seed);
  const scale = 1 / Math.sqrt(width);
  const features = random.normals(rows * width);
  const targets = Float32Array.from({ length: rows }, () =>
    random.uniform() < 0.5 ? random.integer(0, 1) : random.uniform(),
  );
  const weights = Float32Array.from({ length: rows }, () => (random.uniform() < 0.2 ? 0 : 0.1 + 2 * random.uniform()));
  weights[rows - 1] = 1;
  weights.forEach((weight, row) => {
    if (weight > 0) return;
    features.fill(NaN, row * width, (row + 1) * width);
    targets[row] = NaN;
  });
  const parameters = random.normals(stepHeadSize(width, hiddenSize), scale);
  if (hiddenSize > 0) parameters.set(random.normals(hiddenSize, 1 / Math.sqrt(hiddenSize)), hiddenSize * (width + 1));
  return {
    features,
    width,
    targets,
    weights,
    head: { inputSize: width, hiddenSize, parameters },
    loss: random.uniform() < 0.5 ? 'bce' : 'mse',
    labelSmoothing: random.uniform() < 0.5 ? 0 : 0.2 * random.uniform(),
  };
}

function lossPoisoned(input: StepLossInput, backend: BackendName): StepLossOutput {
  const plan = planStepLoss(input);
  poison([plan.gradient]);
  return { ...kernelsFor('stepLoss', { backend }).stepLoss(plan), gradient: plan.gradient };
}

function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i += 1) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2;
    size += (b[i] as number) ** 2;
  }
  return Math.sqrt(difference / size);
}

function expectAgreement(input: StepLossInput, output: StepLossOutput): void {
  const defined = defineLoss(input, Float64Array.from(input.head.parameters));
  expect(Math.abs(output.loss / defined - 1)).toBeLessThanOrEqual(LOSS_TOLERANCE);
  expect(relativeDistance(output.gradient, differentiate(input))).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
}

const SHAPES: readonly Shape[] = [
  { width: 1, hiddenSize: 0, rows: 1 },
  { width: 3, hiddenSize: 0, rows: 7 },
  { width: 17, hiddenSize: 0, rows: 130 },
  { width: 64, hiddenSize: 0, rows: 66 },
  { width: 1, hiddenSize: 1, rows: 5 },
  { width: 5, hiddenSize: 3, rows: 63 },
  { width: 16, hiddenSize: 16, rows: 64 },
  { width: 7, hiddenSize: 17, rows: 131 },
  { width: 33, hiddenSize: 5, rows: 70 },
];

describeBackends('stepLoss', (backend) => {
  describe.each(SHAPES)('width $width, $hiddenSize hidden units, $rows rows', (shape) => {
    test.each([1, 2, 3, 4])('loss and gradient agree with float64 and finite differences (seed %i)', (seed) => {
      const input = randomInput(100 * seed + shape.width, shape);
      expectAgreement(input, lossPoisoned(input, backend));
    });

    test('a minibatch of rows, with repeats, agrees too', () => {
      const input = randomInput(shape.width + 17, shape);
      const random = new Random(3);
      const picked = Array.from({ length: 2 * shape.rows }, () => random.integer(0, shape.rows - 1));
      const batch = { ...input, rowIndices: Int32Array.of(shape.rows - 1, ...picked) };
      expectAgreement(batch, lossPoisoned(batch, backend));
    });
  });

  test('the shape that heads are trained in agrees with float64 sums in batch order', () => {
    const input = { ...randomInput(8, { width: 110, hiddenSize: 64, rows: 700 }), loss: 'bce' as const };
    const batch = { ...input, rowIndices: new Random(1).permutation(700).subarray(0, 512) };
    const output = lossPoisoned(batch, backend);
    const defined = defineLoss(batch, Float64Array.from(batch.head.parameters));
    expect(Math.abs(output.loss / defined - 1)).toBeLessThanOrEqual(LOSS_TOLERANCE);
    expect(relativeDistance(output.gradient, lossPoisoned(batch, 'js').gradient)).toBeLessThanOrEqual(
      GRADIENT_TOLERANCE,
    );
  });

  test('a wide linear head agrees with float64 sums in batch order', () => {
    const input = randomInput(12, { width: 3584, hiddenSize: 0, rows: 300 });
    const output = lossPoisoned(input, backend);
    const reference = lossPoisoned(input, 'js');
    expect(Math.abs(output.loss / reference.loss - 1)).toBeLessThanOrEqual(LOSS_TOLERANCE);
    expect(relativeDistance(output.gradient, reference.gradient)).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
  });

  test('all rows masked: no loss, and a gradient of zeros', () => {
    for (const hiddenSize of [0, 3]) {
      const input = randomInput(2, { width: 4, hiddenSize, rows: 6 });
      const output = lossPoisoned({ ...input, weights: new Float32Array(6) }, backend);
      expect(output.loss).toBeNaN();
      expect(output.weightSum).toBe(0);
      expect(output.gradient.every((value) => value === 0)).toBe(true);
    }
  });

  test('an empty minibatch is one of weight 0', () => {
    const input = { ...randomInput(2, { width: 4, hiddenSize: 2, rows: 6 }), rowIndices: new Int32Array(0) };
    expect(lossPoisoned(input, backend)).toMatchObject({ loss: NaN, weightSum: 0 });
  });

  test('large logits give finite cross-entropy', () => {
    const parameters = Float32Array.of(1, 0);
    const { loss, gradient } = stepLoss(
      {
        features: Float32Array.of(1000, -1000),
        width: 1,
        targets: Float32Array.of(0, 1),
        weights: Float32Array.of(1, 1),
        head: { inputSize: 1, hiddenSize: 0, parameters },
        loss: 'bce',
      },
      { backend },
    );
    expect(loss).toBeCloseTo(1000, 3);
    expect(gradient[0]).toBeCloseTo(1000, 3);
  });

  test('a feature that is not finite reaches the loss', () => {
    for (const hiddenSize of [0, 3]) {
      const input = { ...randomInput(2, { width: 4, hiddenSize, rows: 6 }), weights: new Float32Array(6).fill(1) };
      const features = new Float32Array(24);
      features[5] = NaN;
      const { loss } = stepLoss({ ...input, features, targets: new Float32Array(6) }, { backend });
      expect(loss).toBeNaN();
    }
  });

  test('the gradient is written where it was asked for', () => {
    const input = randomInput(4, { width: 6, hiddenSize: 2, rows: 20 });
    const gradient = new Float32Array(stepHeadSize(6, 2)).fill(NaN);
    const output = stepLoss({ ...input, gradient }, { backend });
    expect(output.gradient).toBe(gradient);
    expect(gradient).toEqual(stepLoss(input, { backend }).gradient);
  });

  test('a two-layer head learns what no linear head can', () => {
    const random = new Random(5);
    const features = random.normals(2 * 512);
    const targets = Float32Array.from({ length: 512 }, (_, row) =>
      (features[2 * row] as number) * (features[2 * row + 1] as number) > 0 ? 1 : 0,
    );
    const weights = new Float32Array(512).fill(1);
    const parameters = random.normals(stepHeadSize(2, 16), 0.5);
    const state = {
      firstMoment: new Float32Array(parameters.length),
      secondMoment: new Float32Array(parameters.length),
      step: 0,
    };
    const head = { inputSize: 2, hiddenSize: 16, parameters };
    const gradient = new Float32Array(parameters.length);
    let loss = NaN;
    for (let step = 0; step < 400; step += 1) {
      loss = stepLoss({ features, width: 2, targets, weights, head, loss: 'bce', gradient }, { backend }).loss;
      adamw({ parameters, gradient, state, learningRate: 0.03, maxGradNorm: 1 }, { backend });
    }
    expect(loss).toBeLessThan(0.1);
  });
});
