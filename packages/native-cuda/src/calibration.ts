import { kernelsFor } from './backends.ts';
import type { StepScorePlan } from './ops/stepScore.ts';

const ROWS = 4096;
const WIDTH = 1024;
const REPEATS = 3;

/** 16 MiB of f32 rows: more than the cache of a core, little enough to be measured within the first call that asks. */
function sample(): StepScorePlan {
  const rows = new Float64Array(WIDTH).fill(1 / WIDTH);
  return {
    hidden: new Float32Array(ROWS * WIDTH).fill(0.5),
    dtype: 'f32',
    width: WIDTH,
    steps: ROWS,
    positions: null,
    scorer: { kind: 'rows', rows, bias: new Float64Array(1), others: 1 },
    temperature: 1,
    candidateOffsets: null,
    problemOffsets: null,
    answers: null,
    threshold: 0.5,
    selectBy: 'mean',
    output: {
      logit: new Float32Array(ROWS),
      probability: new Float32Array(ROWS),
      logProbability: new Float32Array(2 * ROWS),
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

const measured = new Map<'js' | 'cpu', number>();

/** Bytes of f32 rows that a backend scores per second on one thread, measured at the first question (some ten milliseconds). */
export function bytesPerSecond(name: 'js' | 'cpu'): number {
  const known = measured.get(name);
  if (known !== undefined) return known;
  const { stepScore: kernel } = kernelsFor('stepScore', { backend: name });
  const plan = sample();
  const rate = plan.hidden.byteLength / fastest(() => kernel(plan, 1));
  measured.set(name, rate);
  return rate;
}
