import { Random } from '../src/conformance/random.ts';
import { encodeHalf } from '../src/conformance/stepScore.ts';
import { kernelsFor, type BackendName } from '../src/backends.ts';
import type { NativeAddon } from '../src/addon.ts';
import type { HiddenDtype } from '../src/ops/hiddenRows.ts';
import { stepHeadSize } from '../src/ops/stepHead.ts';
import { planStepScore, stepScore, type StepScoreInput } from '../src/ops/stepScore.ts';
import type { Comparison, Run } from './measure.ts';

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
}

function comparison(addon: NativeAddon, { dtype, width, steps, hiddenSize }: Shape): Comparison {
  const random = new Random(width);
  const pool = hiddenPool(random, dtype, width);
  const windows = Math.floor(pool.length / (steps * width));
  const scorer =
    hiddenSize === 0
      ? { labelRows: { rows: random.normals(2 * width, 1 / Math.sqrt(width)) } }
      : { head: { inputSize: width, hiddenSize, parameters: random.normals(stepHeadSize(width, hiddenSize), 0.1) } };
  const segments = segmentation(steps);
  const window = (sample: number): Float32Array | Uint16Array => {
    const begin = (sample % windows) * steps * width;
    return pool.subarray(begin, begin + steps * width);
  };
  const call =
    (backend: BackendName): Run =>
    (sample) => {
      stepScore({ hidden: window(sample), dtype, width, ...scorer, ...segments }, { backend });
    };
  const plans = Array.from({ length: windows }, (_, i) =>
    planStepScore({ hidden: window(i), dtype, width, ...scorer, ...segments }),
  );
  const { stepScore: kernel } = kernelsFor('stepScore', { backend: 'cpu' });
  const megabytes = (window(0).byteLength / 1e6).toFixed(1);
  const what = hiddenSize === 0 ? '2 label rows' : `${width}→${hiddenSize}→1 head`;
  const work = `${steps} steps of width ${width} (${dtype}, ${megabytes} MB read from a pool of ${POOL_BYTES / 2 ** 20} MiB), ${what}, probabilities, all aggregates, choice and vote`;
  const floor = {
    peer: 'read floor, same bytes, 1 thread',
    tier: 'floor' as const,
    run: (i: number) => void addon.readFloor(window(i), 1),
  };
  const js = { peer: 'js backend', tier: 'as-used' as const, run: call('js') };
  const name = `stepScore ${dtype} ${steps}x${width}${hiddenSize === 0 ? '' : ` head ${hiddenSize}`}`;
  return {
    name,
    subject: 'cpu backend, 1 thread',
    work,
    run: (sample) => kernel(plans[sample % windows] as (typeof plans)[number]),
    peers: hiddenSize === 0 ? [floor, js] : [js],
    samples: 60,
  };
}

export function stepScoreComparisons(addon: NativeAddon): Comparison[] {
  const shapes: Shape[] = [
    { dtype: 'f32', width: 3584, steps: 1024, hiddenSize: 0 },
    { dtype: 'bf16', width: 3584, steps: 1024, hiddenSize: 0 },
    { dtype: 'f16', width: 3584, steps: 1024, hiddenSize: 0 },
    { dtype: 'f32', width: 110, steps: 16_384, hiddenSize: 0 },
    { dtype: 'f32', width: 110, steps: 16_384, hiddenSize: 64 },
  ];
  return shapes.map((shape) => comparison(addon, shape));
}
