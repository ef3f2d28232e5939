import type { Policy, ProcessRewardModel } from '@vlprm/core';
import { VlprmError } from '@vlprm/core/runtime';
import { presented, type Puzzle } from '@vlprm/data/puzzle-world';
import { runBenchmark, type BenchmarkResult, type Pair } from '@vlprm/tts';
import type { InferenceResult } from '../report/stage-results.ts';
import type { StageContext } from './stage-context.ts';

/** Pairs whose gain the report states, where both were run at that n. */
const PAIRS: readonly Pair[] = [
  { a: 'one-shot', b: 'pass-at-1', n: 8 },
  { a: 'weighted-vote', b: 'majority', n: 16 },
  { a: 'weighted-vote', b: 'majority', n: 8 },
  { a: 'one-shot', b: 'majority', n: 8 },
  { a: 'one-shot', b: 'majority', n: 16 },
  { a: 'step-min', b: 'majority', n: 16 },
  { a: 'step-mean', b: 'majority', n: 16 },
  { a: 'step-last', b: 'majority', n: 16 },
  { a: 'one-shot', b: 'step-mean', n: 8 },
  { a: 'guided-greedy', b: 'one-shot', n: 8 },
  { a: 'guided-greedy', b: 'majority', n: 8 },
];

export interface InferenceInput {
  readonly puzzles: readonly Puzzle[];
  readonly policy: Policy;
  readonly prm: ProcessRewardModel;
  /** Samples per puzzle: the largest N. */
  readonly samples: number;
  readonly seed: number;
}

/** 1, 2, 4, … up to the number of samples. */
export function powersOfTwo(largest: number): number[] {
  return Array.from({ length: Math.floor(Math.log2(largest)) + 1 }, (_, i) => 2 ** i);
}

/** Runs every strategy on the same samples of the test puzzles. */
export function runInference(input: InferenceInput, { signal, events }: StageContext): Promise<BenchmarkResult> {
  const ns = powersOfTwo(input.samples);
  return runBenchmark({
    problems: input.puzzles.map((puzzle) => ({ problem: puzzle.problem, images: presented(puzzle).images })),
    policy: input.policy,
    prm: input.prm,
    ns,
    seed: input.seed,
    pairs: PAIRS.filter(({ n }) => ns.includes(n)),
    signal,
    events,
  });
}

function accuracyAt({ rows }: BenchmarkResult, strategy: string, n: number): number {
  const row = rows.find((one) => one.strategy === strategy && one.n === n);
  if (row !== undefined) return row.accuracy;
  throw new VlprmError('ERR_INTERNAL', `${strategy} was not run at ${n}`);
}

/** The report's figures of a benchmark. */
export function measureInference(result: BenchmarkResult, samples: number): Omit<InferenceResult, 'seconds'> {
  const largest = powersOfTwo(samples).at(-1) ?? 1;
  return {
    tts: result.rows.map(({ strategy, n, accuracy, ci95, policyTokens, prmForwards, prmTokens }) => ({
      strategy,
      n,
      accuracy,
      ci95: [ci95[0], ci95[1]],
      policyTokens,
      prmForwards,
      prmTokens,
    })),
    paired: result.paired.map(({ a, b, n, gain, ci95 }) => ({ a, b, n, gain, ci95: [ci95[0], ci95[1]] })),
    world: {
      passAt1: accuracyAt(result, 'pass-at-1', largest),
      majority16: accuracyAt(result, 'majority', largest),
      oracle16: accuracyAt(result, 'oracle', largest),
    },
  };
}
