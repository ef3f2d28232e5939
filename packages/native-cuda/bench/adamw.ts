import { Random } from '../src/conformance/random.ts';
import { adamw, planAdamW, type AdamWInput } from '../src/ops/adamw.ts';
import type { OpBench } from './context.ts';
import { cpuKernel } from './native.ts';

const SIZE = 4 * 2 ** 20;

function input(): AdamWInput {
  const sample = new Random(3).normals(4096, 0.02);
  const values = (): Float32Array => Float32Array.from({ length: SIZE }, (_, i) => sample[i & 4095] as number);
  const state = { firstMoment: new Float32Array(SIZE), secondMoment: new Float32Array(SIZE), step: 0 };
  return { parameters: values(), gradient: values(), state, learningRate: 1e-3, weightDecay: 0.01 };
}

export const adamwBench: OpBench = function* ({ threadCounts }) {
  const given = input();
  const plan = planAdamW(given);
  for (const threads of threadCounts) {
    const kernel = cpuKernel('adamw', threads);
    yield {
      name: `adamw ${SIZE}`,
      subject: 'cpu backend',
      threads,
      bytes: 28 * SIZE,
      work: `one step of ${SIZE} parameters, without clipping`,
      run: () => kernel(plan),
      peers: [
        {
          peer: 'PyTorch, fused',
          tier: 'best-tuned',
          python: { case: 'torch_peers.adamw', parameters: { threads, size: SIZE } },
        },
        {
          peer: 'js backend',
          tier: 'as-used',
          run: () => {
            adamw(given, { backend: 'js' });
          },
          samples: 9,
        },
      ],
      samples: 30,
    };
  }
};
