import { Random } from '../src/conformance/random.ts';
import { encodeHalf } from '../src/conformance/stepScore.ts';
import type { NativeAddon } from '../src/addon.ts';
import type { HiddenDtype } from '../src/ops/hiddenRows.ts';
import { stepHeadSize } from '../src/ops/stepHead.ts';
import { planStepScore, stepScore, type StepScoreInput } from '../src/ops/stepScore.ts';
import type { OpBench } from './context.ts';
import type { Comparison, Peer } from './measure.ts';
import { cpuKernel, readFloor } from './native.ts';
import { onnxruntimePeers } from './onnxruntime.ts';

/** More than the last-level caches of most machines, so that every sample comes from memory. */
const POOL_BYTES = 192 * 2 ** 20;
const CANDIDATE_STEPS = 12;
const PROBLEM_CANDIDATES = 8;

function hiddenPool(random: Random, dtype: HiddenDtype, width: number): Float32Array | Uint16Array {
  const size = dtype === 'f32' ? 4 : 2;
  const rows = Math.floor(POOL_BYTES / size / width);
  const sample = random.normals(4096);
  if (dtype === 'f32') return Float32Array.from({ length: rows * width }, (_, i) => sample[(i * 31) & 4095] as number);
  const halves = Uint16Array.from(sample, (value) => encodeHalf(value, dtype));
  return Uint16Array.from({ length: rows * width }, (_, i) => halves[(i * 31) & 4095] as number);
}

/** Candidates of 12 steps, problems of 8 candidates. */
function segmentation(steps: number): Pick<StepScoreInput, 'candidateOffsets' | 'problemOffsets' | 'answers'> {
  const candidates = Math.ceil(steps / CANDIDATE_STEPS);
  const problems = Math.ceil(candidates / PROBLEM_CANDIDATES);
  const offsets = (count: number, each: number, end: number): Int32Array =>
    Int32Array.from({ length: count + 1 }, (_, i) => Math.min(i * each, end));
  return {
    candidateOffsets: offsets(candidates, CANDIDATE_STEPS, steps),
    problemOffsets: offsets(problems, PROBLEM_CANDIDATES, candidates),
    answers: Int32Array.from({ length: candidates }, (_, i) => i % 3),
  };
}

interface Shape {
  dtype: HiddenDtype;
  width: number;
  steps: number;
  /** 0: two label rows. */
  hiddenSize: number;
  /** Every n-th row of the pool by position, as PyTorch and NumPy do it too; else consecutive rows, as onnxruntime does. */
  gathered: boolean;
}

/** The same work with PyTorch and NumPy. */
function pythonPeers({ dtype, width, steps }: Shape, threads: number): Peer[] {
  const parameters = { threads, dtype, width, steps, candidateSteps: CANDIDATE_STEPS, poolBytes: POOL_BYTES };
  const torch: Peer = {
    peer: 'PyTorch, gather + two columns + softmax + aggregates',
    tier: 'best-tuned',
    python: { case: 'torch_peers.step_score', parameters },
  };
  const numpy: Peer = {
    peer: 'NumPy, gather + two columns + softmax',
    tier: 'best-tuned',
    python: { case: 'numpy_peers.step_score', parameters },
  };
  return dtype === 'f32' ? [torch, numpy] : [torch];
}

interface Work {
  readonly windows: number;
  /** Consecutive rows [steps × width] of the i-th sample. */
  readonly rows: (sample: number) => Float32Array | Uint16Array;
  readonly input: (sample: number) => StepScoreInput;
}

function workOf({ dtype, width, steps, hiddenSize, gathered }: Shape): Work {
  const random = new Random(width);
  const pool = hiddenPool(random, dtype, width);
  const windows = Math.floor(pool.length / (steps * width));
  const scorer =
    hiddenSize === 0
      ? { labelRows: { rows: random.normals(2 * width, 1 / Math.sqrt(width)) } }
      : { head: { inputSize: width, hiddenSize, parameters: random.normals(stepHeadSize(width, hiddenSize), 0.1) } };
  const shared = { dtype, width, ...scorer, ...segmentation(steps) };
  const rows = (sample: number): Float32Array | Uint16Array => {
    const begin = (sample % windows) * steps * width;
    return pool.subarray(begin, begin + steps * width);
  };
  const everyOther = (sample: number): Int32Array =>
    Int32Array.from({ length: steps }, (_, i) => i * windows + (sample % windows));
  const input = (sample: number): StepScoreInput =>
    gathered ? { ...shared, hidden: pool, positions: everyOther(sample) } : { ...shared, hidden: rows(sample) };
  return { windows, rows, input };
}

async function peersOf(addon: NativeAddon, shape: Shape, threads: number, work: Work): Promise<Peer[]> {
  if (shape.gathered) return pythonPeers(shape, threads);
  const inputs = Array.from({ length: work.windows }, (_, i) => work.input(i));
  const js: Peer = {
    peer: 'js backend',
    tier: 'as-used',
    run: (sample) => {
      stepScore(inputs[sample % work.windows] as StepScoreInput, { backend: 'js' });
    },
    samples: 15,
  };
  const floor = shape.hiddenSize === 0 ? [readFloor(addon, threads, work.rows)] : [];
  if (shape.dtype !== 'f32' || shape.width < 1024) return [...floor, js];
  const rows = (sample: number): Float32Array => work.rows(sample) as Float32Array;
  return [...floor, js, ...(await onnxruntimePeers({ threads, rows: shape.steps, width: shape.width, input: rows }))];
}

async function comparison(addon: NativeAddon, shape: Shape, threads: number): Promise<Comparison> {
  const { dtype, width, steps, hiddenSize, gathered } = shape;
  const work = workOf(shape);
  const plans = Array.from({ length: work.windows }, (_, i) => planStepScore(work.input(i)));
  const kernel = cpuKernel('stepScore', threads);
  const { byteLength: bytes } = work.rows(0);
  const what = hiddenSize === 0 ? '2 label rows' : `${width}→${hiddenSize}→1 head`;
  const which = gathered ? `every ${work.windows}th row` : 'consecutive rows';
  return {
    name: `stepScore ${dtype} ${steps}x${width}${hiddenSize === 0 ? '' : ` head ${hiddenSize}`}${gathered ? ' gathered' : ''}`,
    subject: 'cpu backend',
    threads,
    work: `${steps} steps of width ${width} (${dtype}, ${which} of a pool of ${POOL_BYTES / 2 ** 20} MiB), ${what}, probabilities, all aggregates, choice and vote`,
    bytes,
    run: (sample) => kernel(plans[sample % work.windows] as (typeof plans)[number]),
    peers: await peersOf(addon, shape, threads, work),
    samples: 60,
  };
}

const WIDE = { width: 3584, steps: 4096, hiddenSize: 0 };
const SHAPES: readonly Shape[] = [
  { ...WIDE, dtype: 'f32', gathered: false },
  { ...WIDE, dtype: 'bf16', gathered: false },
  { ...WIDE, dtype: 'f16', gathered: false },
  { ...WIDE, dtype: 'f32', gathered: true },
  { ...WIDE, dtype: 'bf16', gathered: true },
  { dtype: 'f32', width: 110, steps: 16_384, hiddenSize: 0, gathered: false },
  { dtype: 'f32', width: 110, steps: 16_384, hiddenSize: 64, gathered: false },
];

export const stepScoreBench: OpBench = async function* ({ addon, threadCounts }) {
  for (const shape of SHAPES) for (const threads of threadCounts) yield await comparison(addon, shape, threads);
};
