import type { Policy } from '@vlprm/core';
import { readPrmBundle } from '@vlprm/core/models';
import { applyHead, loadPrm, StepReader, type LoadedPrm, type StepRows } from '@vlprm/core/models/onnx';
import { startStage, VlprmError, type StageProgress } from '@vlprm/core/runtime';
import { presented, type Puzzle } from '@vlprm/data/puzzle-world';
import { runBenchmark } from '@vlprm/tts';
import { PRM_RULES, type PrmRule, type PrmRow } from '../report/report-schema.ts';
import type { EvaluationResult } from '../report/stage-results.ts';
import { prmRow, type ScoredTrace } from '../report/step-errors.ts';
import {
  checkImageEdits,
  checkImageSwap,
  editPictures,
  swapPartners,
  type CleanSolution,
  type EditedSolution,
  type ScoredUnder,
} from './image-checks.ts';
import { asSolution, scoreInCalls, type KnownSolution } from './scored-solutions.ts';
import type { StageContext } from './stage-context.ts';
import { familyOf, type TruthBook } from './truth.ts';
import type { TrainedPrms } from './training-stage.ts';

export interface EvaluationInput {
  /** Test puzzles with novel scenes. */
  readonly puzzles: readonly Puzzle[];
  readonly book: TruthBook;
  readonly policy: Policy;
  readonly prms: Pick<TrainedPrms, 'folders'>;
  readonly baseFolder: string;
  /** Solutions per puzzle. */
  readonly samples: number;
  readonly seed: number;
}

/** Solutions that the policy writes for the test puzzles; a call that failed gives none. */
async function sampleSolutions(
  { puzzles, book, policy, samples, seed }: EvaluationInput,
  { signal }: StageContext,
): Promise<KnownSolution[]> {
  const prefixes = puzzles.map((puzzle) => asSolution({ puzzle, steps: [] }));
  const { proposals } = await policy.propose(prefixes, { n: samples, stop: 'end', seed }, signal);
  return proposals.flatMap((drawn, i) => {
    const puzzle = puzzles[i] as Puzzle;
    return drawn.flatMap((proposal) => {
      if (!proposal.ok) return [];
      const { steps } = proposal.value;
      return [{ puzzle, steps, truth: book.ofSteps(puzzle.problem.id, steps) }];
    });
  });
}

function scoredTraces(solutions: readonly KnownSolution[], scores: readonly Float32Array[]): ScoredTrace[] {
  return solutions.map(({ puzzle, steps, truth }, i) => ({
    probabilities: scores[i] ?? new Float32Array(),
    kinds: steps.map((step) => step.kind),
    trueFirstError: truth.firstError,
    groupId: puzzle.problem.groupId,
    family: familyOf(puzzle.problem.source),
  }));
}

/** Reads the solutions once for all PRMs that see the image: they share a base. */
async function readOnce(
  solutions: readonly KnownSolution[],
  baseFolder: string,
  { signal, events }: StageContext,
): Promise<StepRows> {
  const reader = await StepReader.open(baseFolder);
  let progress: StageProgress | null = null;
  try {
    return await reader.read(
      solutions.map((solution) => asSolution(solution)),
      {
        signal,
        onProgress: (_done, total) => {
          progress ??= startStage(events, 'read test solutions', { total });
          progress.advance();
        },
      },
    );
  } finally {
    await reader.close();
  }
}

interface SightedResults {
  readonly rows: Record<PrmRule, PrmRow>;
  /** Probabilities by the hybrid PRM. */
  readonly hybrid: Float32Array[];
}

async function evaluateSighted(
  solutions: readonly KnownSolution[],
  input: EvaluationInput,
  context: StageContext,
): Promise<SightedResults> {
  const reading = await readOnce(solutions, input.baseFolder, context);
  const rows = {} as Record<PrmRule, PrmRow>;
  let hybrid: Float32Array[] = [];
  for (const rule of PRM_RULES) {
    const bundle = await readPrmBundle(input.prms.folders[rule]);
    const scores = applyHead(bundle, reading).map(({ probabilities }) => probabilities);
    rows[rule] = prmRow(scoredTraces(solutions, scores), bundle.manifest, input.seed);
    if (rule === 'hybrid') hybrid = scores;
  }
  return { rows, hybrid };
}

function gateOf(prm: LoadedPrm): ScoredUnder {
  const gate = prm.manifest.gateThreshold;
  if (gate !== null) return { prm, gateThreshold: gate.value };
  throw new VlprmError('ERR_DATASET_INVALID', 'no clean validation trace to set the gate threshold on', {
    where: prm.name,
    fix: 'train on more problems',
  });
}

async function oneShotAccuracy(prm: LoadedPrm, input: EvaluationInput, { signal }: StageContext): Promise<number> {
  const { rows } = await runBenchmark({
    problems: input.puzzles.map((puzzle) => ({ problem: puzzle.problem, images: presented(puzzle).images })),
    policy: input.policy,
    prm,
    strategies: ['one-shot'],
    ns: [input.samples],
    seed: input.seed,
    signal,
  });
  const [row] = rows;
  if (row === undefined) throw new VlprmError('ERR_INTERNAL', 'one-shot gave no figure', { where: prm.name });
  return row.accuracy;
}

async function withPrm<T>(folder: string, work: (prm: LoadedPrm) => Promise<T>): Promise<T> {
  const prm = await loadPrm(folder);
  try {
    return await work(prm);
  } finally {
    await prm.close();
  }
}

/** The PRM that was trained and is run with the image hidden, on the same solutions and edits. */
async function evaluateBlind(
  solutions: readonly KnownSolution[],
  edits: readonly EditedSolution[],
  input: EvaluationInput,
  context: StageContext,
): Promise<EvaluationResult['blind']> {
  return withPrm(input.prms.folders.blind, async (prm) => {
    const scores = await scoreInCalls(
      prm,
      solutions.map((solution) => asSolution(solution)),
      'read without the image',
      context,
    );
    const row = prmRow(scoredTraces(solutions, scores), prm.manifest, input.seed);
    const ofSteps = new Map(solutions.map((solution, i) => [solution.steps, scores[i] as Float32Array]));
    const before = ({ solution }: EditedSolution): Float32Array => ofSteps.get(solution.steps) as Float32Array;
    const edited = await checkImageEdits(edits, before, gateOf(prm), context);
    return {
      perceptionF1: row.perception.f1,
      reasoningF1: row.reasoning.f1,
      perceptionAuroc: row.perception.auroc,
      reasoningAuroc: row.reasoning.auroc,
      oneShot16: await oneShotAccuracy(prm, input, context),
      imageEditFlagged: edited.flagged,
    };
  });
}

/** Step errors of every PRM on the policy's solutions of the test puzzles, and the checks of sight. */
export async function runEvaluation(
  input: EvaluationInput,
  context: StageContext,
): Promise<Omit<EvaluationResult, 'seconds'>> {
  const { puzzles, prms, seed } = input;
  const solutions = await sampleSolutions(input, context);
  const sighted = await evaluateSighted(solutions, input, context);
  const clean: CleanSolution[] = solutions.flatMap((solution, i) =>
    solution.truth.firstError === null ? [{ ...solution, probabilities: sighted.hybrid[i] as Float32Array }] : [],
  );
  const edits = editPictures(clean, seed);
  const partners = swapPartners(puzzles, seed);
  const { imageSwap, imageEdit } = await withPrm(prms.folders.hybrid, async (prm) => ({
    imageSwap: await checkImageSwap(clean, partners, gateOf(prm), context),
    imageEdit: await checkImageEdits(edits, ({ solution }) => solution.probabilities, gateOf(prm), context),
  }));
  return { prm: sighted.rows, blind: await evaluateBlind(solutions, edits, input, context), imageSwap, imageEdit };
}
