import { addUsage, NO_USAGE } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import type { ProcessRewardModel, Solution, StepScores } from './ports.ts';
import { readingsOf, requireSteps, stepScores, type StepReading } from './step-reading.ts';
import { prefixKeys, type StepScoreCache } from './step-score-cache.ts';

export interface CachedPrmOptions {
  /** Everything but the solution that a step's logit depends on: the hash of a bundle. */
  readonly identity: string;
  /** Logits are divided by it: p = σ(logit / temperature). */
  readonly temperature: number;
  /** Whose readings these are. */
  readonly tenant?: string;
}

/**
 * Reads no step twice. For PRMs whose reading of a step depends on the problem and the steps up to it alone; a solution
 * of which any step is new is read whole. `tokens`, `forwards` and `usage` count what was read now.
 */
export function withStepScoreCache(
  prm: ProcessRewardModel,
  cache: StepScoreCache,
  { identity, temperature, tenant = '' }: CachedPrmOptions,
): ProcessRewardModel {
  return {
    ...prm,
    scoreSteps: async (solutions, signal) => {
      solutions.forEach(requireSteps);
      const keys = solutions.map((solution) => prefixKeys(identity, solution));
      const owners = keys.flatMap((own, solution) => own.map((_, step) => ({ solution, step })));
      const tokens = new Int32Array(solutions.length);
      let forwards = 0;
      let usage = NO_USAGE;
      const read = async (places: readonly number[]): Promise<StepReading[]> => {
        const unread = places.map((place) => owners[place]!);
        const asked = [...new Set(unread.map(({ solution }) => solution))];
        const result = await prm.scoreSteps(
          asked.map((index) => solutions[index]!),
          signal,
        );
        forwards += result.forwards;
        usage = addUsage(usage, result.usage);
        const readings = new Map(
          asked.map((index, place) => {
            const scores = result.scores[place]!;
            tokens[index]! += scores.tokens;
            return [index, readingsOf(requireRows(scores, solutions[index]!))];
          }),
        );
        return unread.map(({ solution, step }) => readings.get(solution)![step]!);
      };
      const readings = await cache.tenant(tenant).through(keys.flat(), read, signal);
      let from = 0;
      const scores = keys.map((own, solution) =>
        stepScores(readings.slice(from, (from += own.length)), temperature, tokens[solution]!),
      );
      return { scores, forwards, usage };
    },
  };
}

function requireRows(scores: StepScores, { problem, steps }: Solution): StepScores {
  if (scores.logits.length === steps.length) return scores;
  throw new VlprmError('ERR_STEP_COUNT', `${scores.logits.length} scores for ${steps.length} steps`, {
    where: `problem ${problem.id}`,
    fix: 'the PRM does not fit this version: `vlprm doctor` tests it',
  });
}
