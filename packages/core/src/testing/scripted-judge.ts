import type { Judge, Review, Sampled, Solution } from '../models/ports.ts';
import type { StepLabel } from '../records/index.ts';
import { contentHash } from '../runtime/content-hash.ts';
import { createRandom, seedFrom } from '../runtime/random.ts';
import type { Random } from '../runtime/random.ts';
import { countWords, receiveCall } from './faults.ts';
import type { Faults } from './faults.ts';

/**
 * Says where a solution first goes wrong (flat 0-based index, null for nowhere); an Error is a review that failed.
 * `random` depends on the judge's name, the solution and the seed of the call alone.
 */
export type JudgeScript = (solution: Solution, random: Random) => number | null | Error;

export interface ScriptedJudgeOptions extends Faults {
  readonly name?: string;
  readonly script: JudgeScript;
}

export interface ReviewCall {
  readonly solutions: readonly Solution[];
  readonly seed: number;
}

/** A judge that follows a script and remembers its calls, failed ones included. */
export interface ScriptedJudge extends Judge {
  readonly calls: readonly ReviewCall[];
}

function toReview(solution: Solution, firstError: number | null): Review {
  const end = firstError ?? solution.steps.length;
  const verdicts = solution.steps.map((_, i): StepLabel => (i < end ? 1 : i === end ? -1 : null));
  return { verdicts, firstError };
}

export function createScriptedJudge(options: ScriptedJudgeOptions): ScriptedJudge {
  const { script, name = 'scripted-judge' } = options;
  const calls: ReviewCall[] = [];
  const reviewOne = (solution: Solution, seed: number): Sampled<Review> => {
    const random = createRandom(seedFrom(name, contentHash([solution.problem.id, solution.steps]), seed));
    const found = script(solution, random);
    return found instanceof Error ? { ok: false, error: found } : { ok: true, value: toReview(solution, found) };
  };
  return {
    name,
    calls,
    capabilities: { images: true, maxSteps: null },
    review: async (solutions, { seed }, signal) => {
      await receiveCall(calls, { solutions, seed }, options, signal);
      const promptTokens = countWords(solutions.flatMap(({ steps }) => steps.map(({ text }) => text)));
      return {
        reviews: solutions.map((solution) => reviewOne(solution, seed)),
        usage: { calls: solutions.length, promptTokens, completionTokens: solutions.length, usd: 0 },
      };
    },
  };
}
