import type { Judge, Policy } from '@vlprm/core';
import { readBaseModel, readGroupsSeen } from '@vlprm/core/models';
import { loadPrm } from '@vlprm/core/models/onnx';
import { throwIfAborted, writeFileAtomic } from '@vlprm/core/runtime';
import { resolveRule } from '@vlprm/data/consensus';
import { generatePuzzles, PUZZLE_LICENSES, type Puzzle } from '@vlprm/data/puzzle-world';
import { openSqliteLedger, writeDataset, type RunPaths } from '@vlprm/data/storage';
import { activeBackend, backends } from '@vlprm/native-cuda';
import { searchTraces, type BenchmarkResult } from '@vlprm/tts';
import { basename, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Report } from '../report/report-schema.ts';
import { VERSIONS } from '../version.ts';
import { runEvaluation } from './evaluation-stage.ts';
import { makeGallery } from './gallery.ts';
import { measureInference, powersOfTwo, runInference } from './inference-stage.ts';
import { writeRunReport } from './report-stage.ts';
import { timed, type StageContext } from './stage-context.ts';
import { writeStage } from './stage-files.ts';
import { measureSynthesis, runSynthesis, type SynthesizedTraces } from './synthesis-stage.ts';
import { runTraining, type TrainedPrms } from './training-stage.ts';
import { TruthBook } from './truth.ts';

/** What decides the result of a quickstart; all of it is recorded. */
export interface QuickstartSettings {
  readonly seed: number;
  readonly trainPuzzles: number;
  readonly testPuzzles: number;
  /** Solutions per training puzzle. */
  readonly traces: number;
  /** Rollouts per step. */
  readonly rollouts: number;
  /** Solutions per test puzzle: the largest N. */
  readonly samples: number;
}

export interface QuickstartInput {
  readonly settings: QuickstartSettings;
  readonly paths: RunPaths;
  readonly runFolder: string;
  readonly baseFolder: string;
  readonly policy: Policy;
  readonly judge: Judge;
}

interface Puzzles {
  readonly train: readonly Puzzle[];
  readonly test: readonly Puzzle[];
  /** Test puzzles whose scene is in no training data, of labels or of the base. */
  readonly novel: readonly Puzzle[];
}

/** The backend that computes and what it runs on: the last bits of a score depend on both. */
function activeKernels(): string {
  const active = activeBackend();
  const detail = backends().find(({ name }) => name === active)?.detail;
  return `${active} (${detail})`;
}

async function drawPuzzles({ settings, baseFolder }: QuickstartInput, { signal }: StageContext): Promise<Puzzles> {
  const { seed, trainPuzzles, testPuzzles } = settings;
  const train = generatePuzzles({ seed, split: 'train', count: trainPuzzles });
  await setImmediate();
  throwIfAborted(signal);
  const test = generatePuzzles({ seed, split: 'test', count: testPuzzles });
  const seen = new Set(await readGroupsSeen(baseFolder, await readBaseModel(baseFolder)));
  for (const { problem } of train) seen.add(problem.groupId);
  return { train, test, novel: test.filter(({ problem }) => !seen.has(problem.groupId)) };
}

async function synthesizeStage(
  input: QuickstartInput,
  puzzles: Puzzles,
  context: StageContext,
): Promise<SynthesizedTraces> {
  const { settings, paths, runFolder, policy, judge } = input;
  const { value, seconds } = await timed(async () => {
    const ledger = openSqliteLedger(paths.ledger);
    try {
      const synthesized = await runSynthesis(
        {
          puzzles: puzzles.train,
          policy,
          judge,
          ledger,
          tracesPerProblem: settings.traces,
          rolloutsPerStep: settings.rollouts,
          seed: settings.seed,
        },
        context,
      );
      const bytes = picturesOf(puzzles.train);
      await writeDataset({
        dir: paths.dataset,
        traces: synthesized.traces,
        images: ({ sha256 }) => bytes.get(sha256) ?? new Uint8Array(),
        rule: resolveRule('hybrid'),
        seed: settings.seed,
        licenses: PUZZLE_LICENSES,
        run: basename(resolve(runFolder)),
      });
      return synthesized;
    } finally {
      await ledger.close();
    }
  });
  await writeStage(runFolder, 'synthesis', {
    seconds,
    problems: { train: puzzles.train.length, test: puzzles.test.length, testNovel: puzzles.novel.length },
    ...measureSynthesis(value, puzzles.train, settings.seed),
  });
  return value;
}

function picturesOf(puzzles: readonly Puzzle[]): Map<string, Uint8Array> {
  return new Map(puzzles.flatMap(({ problem, png }) => problem.images.map(({ sha256 }) => [sha256, png] as const)));
}

async function trainStage(
  input: QuickstartInput,
  puzzles: Puzzles,
  { relabelled }: SynthesizedTraces,
  context: StageContext,
): Promise<TrainedPrms> {
  const { paths, runFolder, baseFolder, settings } = input;
  const { value, seconds } = await timed(() =>
    runTraining(
      { relabelled, images: picturesOf(puzzles.train), baseFolder, paths, runFolder, seed: settings.seed },
      context,
    ),
  );
  await writeStage(runFolder, 'training', { seconds, supervisedSteps: value.supervisedSteps });
  return value;
}

async function evaluateStage(
  input: QuickstartInput,
  puzzles: Puzzles,
  prms: TrainedPrms,
  book: TruthBook,
  context: StageContext,
): Promise<void> {
  const { settings, policy, baseFolder, runFolder } = input;
  const { value, seconds } = await timed(() =>
    runEvaluation(
      { puzzles: puzzles.novel, book, policy, prms, baseFolder, samples: settings.samples, seed: settings.seed },
      context,
    ),
  );
  await writeStage(runFolder, 'evaluation', { seconds, ...value });
}

async function inferStage(
  input: QuickstartInput,
  puzzles: Puzzles,
  prms: TrainedPrms,
  context: StageContext,
): Promise<BenchmarkResult> {
  const { settings, policy, runFolder } = input;
  const { value, seconds } = await timed(async () => {
    const prm = await loadPrm(prms.folders.hybrid);
    try {
      const result = await runInference(
        { puzzles: puzzles.novel, policy, prm, samples: settings.samples, seed: settings.seed },
        context,
      );
      await recordSearches(result, input, prm.name);
      return result;
    } finally {
      await prm.close();
    }
  });
  await writeStage(runFolder, 'inference', { seconds, ...measureInference(value, settings.samples) });
  return value;
}

/** Keeps what the recommended strategy and the guided search saw and chose, a line a problem. */
async function recordSearches(
  result: BenchmarkResult,
  { settings, paths, policy }: QuickstartInput,
  prm: string,
): Promise<void> {
  for (const strategy of ['weighted-vote', 'guided-greedy']) {
    const n = Math.max(0, ...result.rows.filter((row) => row.strategy === strategy).map((row) => row.n));
    if (n === 0) continue;
    const traces = searchTraces(result.problems, { strategy, n, seed: settings.seed, policy: policy.name, prm });
    await writeFileAtomic(
      join(paths.traces, `${strategy}-${n}.jsonl`),
      traces.map((trace) => `${JSON.stringify(trace)}\n`),
    );
  }
}

/**
 * Synthesize, train, evaluate, infer and report in a run folder. Synthesis goes on where an earlier run of the same
 * folder stopped; the later stages take seconds and run again.
 */
export async function runQuickstart(input: QuickstartInput, context: StageContext): Promise<Report> {
  const { settings, runFolder, policy, judge } = input;
  const start = performance.now();
  const puzzles = await drawPuzzles(input, context);
  const synthesized = await synthesizeStage(input, puzzles, context);
  const prms = await trainStage(input, puzzles, synthesized, context);
  const book = new TruthBook(puzzles.novel);
  await evaluateStage(input, puzzles, prms, book, context);
  const inferred = await inferStage(input, puzzles, prms, context);
  const gallery = await makeGallery(
    inferred,
    book,
    { threshold: prms.manifests.hybrid.threshold.value, n: powersOfTwo(settings.samples).at(-1) ?? 1 },
    { policy, judge, rollouts: settings.rollouts, seed: settings.seed, signal: context.signal },
  );
  await writeStage(runFolder, 'gallery', gallery);
  await writeStage(runFolder, 'run', {
    seed: settings.seed,
    createdAt: new Date().toISOString(),
    versions: { ...VERSIONS },
    backends: { kernels: activeKernels(), prm: 'onnxruntime-cpu' },
    totalSeconds: (performance.now() - start) / 1000,
  });
  return writeRunReport(runFolder, runFolder);
}
