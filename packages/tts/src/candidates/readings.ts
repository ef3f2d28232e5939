import type { PresentedProblem, ProcessRewardModel, Sampled, Solution, StepScores } from '@vlprm/core';
import { NO_USAGE, type Step, type Usage } from '@vlprm/core/records';
import { throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import type { Reading } from '../strategies/strategy.ts';

/** Equal for equal lists of steps. */
export function identityOf(steps: readonly Step[]): string {
  return JSON.stringify(steps.map((step) => [step.kind, step.text]));
}

/** One solution to read. `owner` is equal for solutions of the same problem. */
export interface ReadRequest {
  readonly owner: number;
  readonly presented: PresentedProblem;
  readonly steps: readonly Step[];
}

/** Readings in the order of the requests, and what the single call for all of them spent. */
export interface ReadResult {
  readonly readings: Sampled<Reading>[];
  readonly usage: Usage;
  readonly forwards: number;
}

/**
 * Reads solutions with one call of the PRM. Solutions of one owner with equal steps are read once.
 * A call that fails is a failure of every reading in it; wrong input, an interruption and scores that
 * do not fit their steps are thrown.
 */
export async function readSolutions(
  prm: ProcessRewardModel,
  requests: readonly ReadRequest[],
  signal?: AbortSignal,
): Promise<ReadResult> {
  const { distinct, places } = distinctSolutions(requests);
  if (distinct.length === 0) return { readings: [], usage: NO_USAGE, forwards: 0 };
  try {
    const { scores, forwards, usage } = await prm.scoreSteps(distinct, signal);
    const readings = checkedReadings(prm.name, distinct, scores);
    return { readings: places.map((place) => readings[place] as Sampled<Reading>), usage, forwards };
  } catch (error) {
    throwIfAborted(signal);
    const failed: Sampled<Reading> = { ok: false, error: serviceFailure(error) };
    return { readings: requests.map(() => failed), usage: UNKNOWN_USAGE, forwards: 0 };
  }
}

/** A call went out; what it cost is not known. */
export const UNKNOWN_USAGE: Usage = { calls: 1, promptTokens: null, completionTokens: null, usd: null };

function distinctSolutions(requests: readonly ReadRequest[]): { distinct: Solution[]; places: number[] } {
  const placeOf = new Map<string, number>();
  const distinct: Solution[] = [];
  const places = requests.map(({ owner, presented, steps }) => {
    const key = `${owner} ${identityOf(steps)}`;
    const known = placeOf.get(key);
    if (known !== undefined) return known;
    placeOf.set(key, distinct.length);
    distinct.push({ ...presented, steps });
    return distinct.length - 1;
  });
  return { distinct, places };
}

function checkedReadings(
  name: string,
  solutions: readonly Solution[],
  scores: readonly StepScores[],
): Sampled<Reading>[] {
  if (scores.length !== solutions.length) {
    throw new VlprmError('ERR_STEP_COUNT', `PRM ${name} scored ${scores.length} of ${solutions.length} solutions`, {
      fix: 'run `vlprm doctor` on this PRM',
    });
  }
  return solutions.map((solution, index) => checkedReading(name, solution, scores[index] as StepScores));
}

function checkedReading(name: string, { problem, steps }: Solution, scores: StepScores): Sampled<Reading> {
  const { probabilities, tokens } = scores;
  if (probabilities.length !== steps.length) {
    throw new VlprmError(
      'ERR_STEP_COUNT',
      `PRM ${name} gave ${probabilities.length} scores for ${steps.length} steps`,
      {
        where: `problem ${problem.id}`,
        fix: 'run `vlprm doctor` on this PRM',
      },
    );
  }
  const outside = probabilities.findIndex((p) => !(p >= 0 && p <= 1));
  if (outside >= 0) {
    return {
      ok: false,
      error: new VlprmError('ERR_MODEL_FAILED', `PRM ${name} gave ${probabilities[outside]} for step ${outside + 1}`, {
        where: `problem ${problem.id}`,
        fix: 'a score is a probability in [0, 1]; run `vlprm doctor` on this PRM',
      }),
    };
  }
  return { ok: true, value: { probabilities, tokens } };
}

/** The error of a failed call; wrong input and defects that the project knows by a code are thrown on. */
export function serviceFailure(error: unknown): Error {
  if (!(error instanceof Error) || (VlprmError.is(error) && error.code !== 'ERR_MODEL_FAILED')) throw error;
  return error;
}
