import type { NativeAddon } from '../src/addon.ts';
import { kernelsFor, type BackendName } from '../src/backends.ts';
import { Random } from '../src/conformance/random.ts';
import { adamw } from '../src/ops/adamw.ts';
import { stepHeadSize, type StepHead } from '../src/ops/stepHead.ts';
import { planStepLoss, stepLoss, type StepLossInput } from '../src/ops/stepLoss.ts';
import type { OpBench } from './context.ts';
import type { Comparison, Run } from './measure.ts';

interface Data {
  input: Omit<StepLossInput, 'rowIndices' | 'features'> & { features: Float32Array };
  rows: number;
}

function data(width: number, hiddenSize: number, rows: number): Data {
  const random = new Random(width);
  const sample = random.normals(8192);
  const head: StepHead = {
    inputSize: width,
    hiddenSize,
    parameters: random.normals(stepHeadSize(width, hiddenSize), 0.05),
  };
  const features = Float32Array.from({ length: rows * width }, (_, i) => sample[(i * 13) & 8191] as number);
  const targets = Float32Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? 0 : 1));
  return { rows, input: { features, width, targets, weights: new Float32Array(rows).fill(1), head, loss: 'bce' } };
}

/** Successive runs of rows of the pool. */
function batch(rows: number, size: number): (sample: number) => Int32Array {
  const all = Int32Array.from({ length: rows }, (_, i) => i);
  const windows = Math.floor(rows / size);
  return (sample) => all.subarray((sample % windows) * size, (sample % windows) * size + size);
}

function linear(addon: NativeAddon): Comparison {
  const [width, size] = [3584, 1024];
  const { input, rows } = data(width, 0, 13_312);
  const rowsOf = batch(rows, size);
  const plans = Array.from({ length: rows / size }, (_, i) => planStepLoss({ ...input, rowIndices: rowsOf(i) }));
  const { stepLoss: kernel } = kernelsFor('stepLoss', { backend: 'cpu' });
  const window = (sample: number): Float32Array => {
    const begin = (rowsOf(sample)[0] as number) * width;
    return input.features.subarray(begin, begin + size * width);
  };
  return {
    name: `stepLoss linear ${size}x${width}`,
    subject: 'cpu backend',
    threads: 1,
    work: `cross-entropy and gradient of a linear head, ${size} rows of width ${width} (f32, ${((size * width * 4) / 1e6).toFixed(1)} MB read once from a pool of 191 MB)`,
    run: (sample) => void kernel(plans[sample % plans.length] as (typeof plans)[number], 1),
    peers: [
      {
        peer: 'read floor, same bytes',
        tier: 'floor',
        run: (sample) => void addon.readFloor(window(sample), 1),
      },
      {
        peer: 'js backend',
        tier: 'as-used',
        run: (sample) => void stepLoss({ ...input, rowIndices: rowsOf(sample) }, { backend: 'js' }),
      },
      {
        peer: 'PyTorch, cross-entropy of logits and autograd',
        tier: 'best-tuned',
        python: {
          case: 'torch_peers.step_loss',
          parameters: { threads: 1, dtype: 'f32', width, rows: size, poolBytes: 4 * rows * width },
        },
      },
    ],
    samples: 60,
  };
}

/** One training step as the head trainer does it: a shuffled minibatch, then AdamW. */
function trainingStep(): Comparison {
  const { input, rows } = data(110, 64, 60_000);
  const order = new Random(1).permutation(rows);
  const size = 512;
  const windows = Math.floor(rows / size);
  const step = (backend: BackendName): Run => {
    const parameters = input.head.parameters.slice();
    const gradient = new Float32Array(parameters.length);
    const moment = (): Float32Array => new Float32Array(parameters.length);
    const state = { firstMoment: moment(), secondMoment: moment(), step: 0 };
    const head = { ...input.head, parameters };
    return (sample) => {
      const begin = (sample % windows) * size;
      stepLoss({ ...input, head, gradient, rowIndices: order.subarray(begin, begin + size) }, { backend });
      adamw({ parameters, gradient, state, learningRate: 1e-3, weightDecay: 0.01, maxGradNorm: 1 }, { backend });
    };
  };
  return {
    name: 'stepLoss + adamw 512x110 head 64',
    subject: 'cpu backend, 1 thread, checks included',
    threads: 1,
    work: 'one training step of a 110→64→1 head: 512 shuffled rows of 60,000, cross-entropy, gradient, clipping, AdamW (14.4 MFMA)',
    run: step('cpu'),
    peers: [{ peer: 'js backend', tier: 'as-used', run: step('js') }],
    samples: 100,
  };
}

export const stepLossBench: OpBench = function* ({ addon }) {
  yield linear(addon);
  yield trainingStep();
};
