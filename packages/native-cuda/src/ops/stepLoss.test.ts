import { describe, expect, test } from 'vitest';
import { kernelsFor, type BackendName } from '../backends.ts';
import { describeBackends, poison } from '../conformance/backends.ts';
import { Random } from '../conformance/random.ts';
import { defineLoss, differentiate, differentiateFeatures } from '../conformance/stepLoss.ts';
import { decodeHalf, encodeHalf } from '../conformance/stepScore.ts';
import { adamw } from './adamw.ts';
import { HIDDEN_DTYPES, type HiddenDtype } from './hiddenRows.ts';
import { stepHeadSize } from './stepHead.ts';
import {
  planStepLoss,
  STEP_LOSSES,
  stepLoss,
  type StepLossInput,
  type StepLossName,
  type StepLossOutput,
} from './stepLoss.ts';

const LOSS_TOLERANCE = 1e-6;
const GRADIENT_TOLERANCE = 1e-5;
/** bf16 keeps 8 bits. */
const BF16_TOLERANCE = 4e-3;

interface Shape {
  width: number;
  hiddenSize: number;
  rows: number;
}

type F32Input = StepLossInput & { features: Float32Array; targets: Float32Array; weights: Float32Array };

/**
 * Half of the targets hard, half soft (all hard for 'pqm'); a fifth of the rows masked, and masked rows hold NaN, which must not be
 * looked at.
 */
function randomInput(seed: number, { width, hiddenSize, rows }: Shape, loss: StepLossName = 'bce'): F32Input {
  const random = new Random(seed);
  const scale = 1 / Math.sqrt(width);
  const features = random.normals(rows * width);
  const targets = Float32Array.from({ length: rows }, () =>
    loss === 'pqm' || random.uniform() < 0.5 ? random.integer(0, 1) : random.uniform(),
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
  const head = { inputSize: width, hiddenSize, parameters };
  const common = { features, width, targets, weights, head, loss };
  if (loss !== 'pqm') return { ...common, labelSmoothing: random.uniform() < 0.5 ? 0 : 0.2 * random.uniform() };
  return { ...common, traceOffsets: random.cuts(rows, 1 + Math.floor(rows / 6)), margin: 4 * random.uniform() };
}

/** The same case with its features in a 16-bit dtype. */
function inDtype(input: F32Input, dtype: HiddenDtype): StepLossInput {
  if (dtype === 'f32') return input;
  return { ...input, dtype, features: Uint16Array.from(input.features, (value) => encodeHalf(value, dtype)) };
}

function lossPoisoned(input: StepLossInput, backend: BackendName): StepLossOutput {
  const plan = planStepLoss(input);
  poison([plan.gradient]);
  const loss = kernelsFor('stepLoss', { backend }).stepLoss(plan);
  return { loss, weightSum: plan.weightSum, gradient: plan.gradient };
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

interface Definition {
  loss: number;
  gradient: Float64Array;
}

function define(input: StepLossInput): Definition {
  return { loss: defineLoss(input, Float64Array.from(input.head.parameters)), gradient: differentiate(input) };
}

/** Computes once what every backend is compared with. */
function remembered<Value>(compute: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= compute());
}

function expectAgreement(output: StepLossOutput, defined: Definition): void {
  expect(Math.abs(output.loss / defined.loss - 1)).toBeLessThanOrEqual(LOSS_TOLERANCE);
  expect(relativeDistance(output.gradient, defined.gradient)).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
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

const CASES = SHAPES.flatMap((shape) =>
  STEP_LOSSES.flatMap((loss) =>
    HIDDEN_DTYPES.map((dtype) => {
      const input = inDtype(randomInput(100 + shape.width, shape, loss), dtype);
      return { ...shape, loss, dtype, input, defined: remembered(() => define(input)) };
    }),
  ),
);

const BATCHES = SHAPES.map((shape) => {
  const input = randomInput(shape.width + 17, shape);
  const random = new Random(3);
  const picked = Array.from({ length: 2 * shape.rows }, () => random.integer(0, shape.rows - 1));
  const batch = { ...input, rowIndices: Int32Array.of(shape.rows - 1, ...picked) };
  return { ...shape, batch, defined: remembered(() => define(batch)) };
});

/** Small enough to vary every feature of the minibatch. */
const FEATURE_CASES = [
  { width: 3, hiddenSize: 0, rows: 9 },
  { width: 19, hiddenSize: 0, rows: 13 },
  { width: 5, hiddenSize: 3, rows: 11 },
  { width: 18, hiddenSize: 9, rows: 7 },
].flatMap((shape) =>
  STEP_LOSSES.map((loss) => {
    const input = randomInput(shape.width, shape, loss);
    const first = Int32Array.from({ length: shape.rows }, (_, i) => (i + 1) % shape.rows);
    const batch = { ...input, rowIndices: first };
    return { ...shape, loss, batch, defined: remembered(() => differentiateFeatures(batch)) };
  }),
);

describeBackends('stepLoss', (backend) => {
  test.each(CASES)(
    '$loss of a $width → $hiddenSize head over $rows rows of $dtype agrees with float64 and finite differences',
    ({ input, defined }) => expectAgreement(lossPoisoned(input, backend), defined()),
  );

  test.each(BATCHES)(
    'a minibatch of rows, with repeats, agrees too: $width → $hiddenSize, $rows rows',
    ({ batch, defined }) => expectAgreement(lossPoisoned(batch, backend), defined()),
  );

  test.each(FEATURE_CASES)(
    'the feature gradient of $loss through a $width → $hiddenSize head agrees with finite differences, in f32 and bf16',
    ({ batch, width, rows, defined }) => {
      const wide = new Float32Array(rows * width).fill(NaN);
      const narrow = new Uint16Array(rows * width).fill(0x7fc1);
      stepLoss({ ...batch, featureGradient: wide }, { backend });
      stepLoss({ ...batch, featureGradient: narrow }, { backend });
      expect(relativeDistance(wide, defined())).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
      const decoded = Float64Array.from(narrow, (pattern) => decodeHalf(pattern, 'bf16'));
      expect(relativeDistance(decoded, defined())).toBeLessThanOrEqual(BF16_TOLERANCE);
      const rounded = Float64Array.from(wide, (value) => decodeHalf(encodeHalf(value, 'bf16'), 'bf16'));
      expect(decoded.every((value, i) => value === rounded[i])).toBe(true);
    },
  );

  describe.each([0, 6])('a head of %i hidden units', (hiddenSize) => {
    const input = randomInput(21, { width: 9, hiddenSize, rows: 90 });
    const present = Int32Array.from(input.weights.keys()).filter((row) => (input.weights[row] as number) > 0);

    test('a row of weight 0 counts as if it were not there', () => {
      const without = lossPoisoned({ ...input, rowIndices: present }, backend);
      expect(lossPoisoned(input, backend)).toEqual(without);
    });

    test('the order of the rows changes nothing but rounding', () => {
      const output = lossPoisoned({ ...input, rowIndices: present }, backend);
      const order = new Random(5).permutation(present.length);
      const shuffled = lossPoisoned({ ...input, rowIndices: order.map((i) => present[i] as number) }, backend);
      expectAgreement(shuffled, { loss: output.loss, gradient: Float64Array.from(output.gradient) });
    });

    test('smoothing moves the cross-entropy on a line towards that of undecided targets', () => {
      const lossOf = (change: Partial<StepLossInput>): number => lossPoisoned({ ...input, ...change }, backend).loss;
      const undecided = lossOf({ targets: new Float32Array(90).fill(0.5), labelSmoothing: 0 });
      const line = 0.7 * lossOf({ labelSmoothing: 0 }) + 0.3 * undecided;
      expect(lossOf({ labelSmoothing: 0.3 })).toBeCloseTo(line, 10);
    });

    test('labels, class weights and kinds are soft targets and weights', () => {
      const random = new Random(8);
      const features = random.normals(90 * 9);
      const labels = Int8Array.from({ length: 90 }, () => random.integer(-1, 1));
      const kinds = Uint8Array.from({ length: 90 }, () => random.integer(0, 2));
      const kindWeights = Float32Array.of(1, 0.5, 0);
      const classWeights = { positive: 0.25, negative: 2 };
      const targets = Float32Array.from(labels, (label) => (label + 1) / 2);
      const weights = Float32Array.from(labels, (label, i) =>
        label === 0 ? 0 : (label === 1 ? 0.25 : 2) * (kindWeights[kinds[i] as number] as number),
      );
      const { head, width, loss } = input;
      const labelled = { features, width, head, loss, targets: labels, classWeights, kinds, kindWeights };
      expect(lossPoisoned(labelled, backend)).toEqual(
        lossPoisoned({ features, width, head, loss, targets, weights }, backend),
      );
    });

    test('soft targets share their class weights', () => {
      const classes = { ...input, classWeights: { positive: 3, negative: 0.5 } };
      expectAgreement(lossPoisoned(classes, backend), define(classes));
    });
  });

  describe('pqm', () => {
    const linear = (logits: readonly number[], targets: readonly number[]): StepLossInput => ({
      features: Float32Array.from(logits),
      width: 1,
      targets: Float32Array.from(targets),
      head: { inputSize: 1, hiddenSize: 0, parameters: Float32Array.of(1, 0) },
      loss: 'pqm',
      traceOffsets: Int32Array.of(0, logits.length),
    });

    test('a trace without a wrong step knows no margin, one with a wrong step does', () => {
      const lossOf = (targets: readonly number[], margin: number): number =>
        stepLoss({ ...linear([0.3, -0.2, 1], targets), margin }, { backend }).loss;
      expect(lossOf([1, 1, 1], 0)).toBe(lossOf([1, 1, 1], 9));
      expect(lossOf([1, 0, 1], 0)).toBeLessThan(lossOf([1, 0, 1], 9));
    });

    test('a trace of wrong steps alone is measured at its start', () => {
      const { loss } = stepLoss({ ...linear([-1, 2], [0, 0]), margin: 0.5 }, { backend });
      expect(loss).toBeCloseTo(Math.log(1 + Math.exp(-0.5) + Math.exp(2.5)), 6);
    });

    test('large logits give a finite loss and the gradient of a comparison lost', () => {
      const { loss, gradient } = stepLoss({ ...linear([-1000, 1000], [1, 0]), margin: 4 }, { backend });
      expect(loss).toBeCloseTo((2004 + 1004) / 2, 3);
      expect(gradient[0]).toBeCloseTo((1000 + 2 * 1000) / 2, 3);
    });

    test('a trace weighs the mean weight of its unmasked rows, an empty or masked one nothing', () => {
      const traces = {
        ...linear([0.1, 0.2, 0.3, 0.4, 0.5], [1, 0, 1, 0, 1]),
        weights: Float32Array.of(1, 3, 0, 0, 5),
        traceOffsets: Int32Array.of(0, 2, 2, 4, 5),
      };
      const { loss, weightSum } = stepLoss(traces, { backend });
      const first = stepLoss(linear([0.1, 0.2], [1, 0]), { backend }).loss;
      const last = stepLoss(linear([0.5], [1]), { backend }).loss;
      expect(weightSum).toBe(7);
      expect(loss).toBeCloseTo((2 * first + 5 * last) / 7, 10);
    });

    test.each([0, 7])(
      'traces longer than a tile and batches longer than a chunk agree: %i hidden units',
      (hiddenSize) => {
        const rows = 2500;
        const input = randomInput(31, { width: 20, hiddenSize, rows }, 'pqm');
        const batch = { ...input, traceOffsets: Int32Array.of(0, 300, 340, 1020, 1023, 1100, 2300, rows) };
        const output = lossPoisoned(batch, backend);
        const reference = lossPoisoned(batch, 'js');
        const defined = defineLoss(batch, Float64Array.from(batch.head.parameters));
        expect(Math.abs(output.loss / defined - 1)).toBeLessThanOrEqual(LOSS_TOLERANCE);
        expect(relativeDistance(output.gradient, reference.gradient)).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
      },
    );
  });

  test('the shape that heads are trained in agrees with float64 sums in batch order', () => {
    const input = randomInput(8, { width: 110, hiddenSize: 64, rows: 700 });
    const batch = { ...input, rowIndices: new Random(1).permutation(700).subarray(0, 512) };
    const output = lossPoisoned(batch, backend);
    const defined = defineLoss(batch, Float64Array.from(batch.head.parameters));
    expect(Math.abs(output.loss / defined - 1)).toBeLessThanOrEqual(LOSS_TOLERANCE);
    expect(relativeDistance(output.gradient, lossPoisoned(batch, 'js').gradient)).toBeLessThanOrEqual(
      GRADIENT_TOLERANCE,
    );
  });

  test.each([0, 5])(
    'a batch of several chunks agrees with float64 sums in batch order: %i hidden units',
    (hiddenSize) => {
      const input = randomInput(9, { width: 24, hiddenSize, rows: 3000 });
      const output = lossPoisoned(input, backend);
      const reference = lossPoisoned(input, 'js');
      expectAgreement(output, { loss: reference.loss, gradient: Float64Array.from(reference.gradient) });
    },
  );

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
    const features = random.normals(2 * 64);
    const targets = Float32Array.from({ length: 64 }, (_, row) =>
      (features[2 * row] as number) * (features[2 * row + 1] as number) > 0 ? 1 : 0,
    );
    const parameters = random.normals(stepHeadSize(2, 16), 0.5);
    const state = {
      firstMoment: new Float32Array(parameters.length),
      secondMoment: new Float32Array(parameters.length),
      step: 0,
    };
    const head = { inputSize: 2, hiddenSize: 16, parameters };
    const gradient = new Float32Array(parameters.length);
    let loss = NaN;
    for (let step = 0; step < 80; step += 1) {
      loss = stepLoss({ features, width: 2, targets, head, loss: 'bce', gradient }, { backend }).loss;
      adamw({ parameters, gradient, state, learningRate: 0.1, maxGradNorm: 1 }, { backend });
    }
    expect(loss).toBeLessThan(0.1);
  });
});
