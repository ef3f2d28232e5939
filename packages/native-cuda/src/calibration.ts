/** How fast the backends are on this machine, measured once per thread of JavaScript, when someone first asks. */
import { kernelsFor, type BackendName } from './backends.ts';
import { DeviceBuffer } from './device-buffer.ts';
import type { StepScorePlan } from './ops/stepScore.ts';

/** Rows of 4 KiB: 16 MiB are more than the cache of a core, and little enough to be measured within the first call that asks. */
const WIDTH = 1024;
const ROWS = { js: 1024, cpu: 4096 } as const;
const COPIED_BYTES = 4 * 2 ** 20;
const REPEATS = 3;

function sample(rows: number): StepScorePlan {
  return {
    hidden: new Float32Array(rows * WIDTH).fill(0.5),
    dtype: 'f32',
    width: WIDTH,
    steps: rows,
    positions: null,
    scorer: { kind: 'rows', rows: new Float64Array(WIDTH).fill(1 / WIDTH), bias: new Float64Array(1), others: 1 },
    temperature: 1,
    candidateOffsets: null,
    problemOffsets: null,
    answers: null,
    threshold: 0.5,
    selectBy: 'mean',
    output: {
      logit: new Float32Array(rows),
      probability: new Float32Array(rows),
      logProbability: new Float32Array(2 * rows),
    },
  };
}

/** Shortest of a few, in seconds. */
function fastest(call: () => void): number {
  let best = Infinity;
  for (let i = 0; i < REPEATS; i += 1) {
    const start = performance.now();
    call();
    best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}

function once<T>(measure: () => T): () => T {
  let memo: { readonly value: T } | undefined;
  return () => (memo ??= { value: measure() }).value;
}

export interface HostSpeed {
  /** Seconds that scoring a single row takes, next to nothing but the call. */
  callSeconds: number;
  /** Bytes of f32 rows scored per second: on one thread, and on as many as pay. */
  bytesPerSecond: number;
  bytesPerSecondThreaded: number;
}

function hostSpeed(name: 'js' | 'cpu'): HostSpeed {
  const { stepScore: kernel } = kernelsFor('stepScore', { backend: name });
  const single = sample(1);
  const rows = ROWS[name];
  const plan = sample(rows);
  const rate = (threads: number) => (4 * WIDTH * rows) / fastest(() => kernel(plan, threads));
  return {
    callSeconds: fastest(() => kernel(single, 1)),
    bytesPerSecond: rate(1),
    bytesPerSecondThreaded: rate(0),
  };
}

export interface DeviceSpeed {
  /** Between arrays and the device. */
  uploadBytesPerSecond: number;
  downloadBytesPerSecond: number;
}

function cudaSpeed(): DeviceSpeed {
  const array = new Uint8Array(COPIED_BYTES).fill(1);
  using buffer = DeviceBuffer.from(array, { backend: 'cuda' });
  return {
    uploadBytesPerSecond: COPIED_BYTES / fastest(() => buffer.write(array)),
    downloadBytesPerSecond: COPIED_BYTES / fastest(() => buffer.toHost()),
  };
}

interface Speeds {
  js: HostSpeed;
  cpu: HostSpeed;
  cuda: DeviceSpeed;
}

/** The speed of a backend that is there. */
export const speedOf: { readonly [Name in BackendName]: () => Speeds[Name] } = {
  js: once(() => hostSpeed('js')),
  cpu: once(() => hostSpeed('cpu')),
  cuda: once(cudaSpeed),
};
