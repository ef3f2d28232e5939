import { z } from 'zod';
import { VlprmError } from '../runtime/errors.ts';
import type { Solution, StepScores } from './ports.ts';

/** What a PRM says of one step, before it is calibrated. JSON. */
export const stepReadingSchema = z.object({
  /** log P(right) − log P(wrong). */
  logit: z.number(),
  /** Probability mass on the two labels together, in [0, 1]; null where there is no vocabulary. */
  mass: z.number().min(0).max(1).nullable(),
  /** 0: the logit is exact; 1: it is a lower bound, −1: an upper bound. */
  bound: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
});
export type StepReading = z.infer<typeof stepReadingSchema>;

/** Scores of a solution from the readings of its steps: p = σ(logit / temperature). */
export function stepScores(readings: readonly StepReading[], temperature: number, tokens: number): StepScores {
  const logits = Float32Array.from(readings, ({ logit }) => logit);
  const bounds = Int8Array.from(readings, ({ bound }) => bound);
  const masses = readings.map(({ mass }) => mass);
  return {
    logits,
    probabilities: logits.map((logit) => 1 / (1 + Math.exp(-logit / temperature))),
    tokens,
    ...(masses.every((mass) => mass !== null) ? { mass: Float32Array.from(masses) } : {}),
    ...(bounds.some((bound) => bound !== 0) ? { bounds } : {}),
  };
}

/** The readings that these scores were made of. */
export function readingsOf({ logits, mass, bounds }: StepScores): StepReading[] {
  return Array.from(logits, (logit, step) => ({
    logit,
    mass: mass?.[step] ?? null,
    bound: Math.sign(bounds?.[step] ?? 0) as StepReading['bound'],
  }));
}

/** Names a solution in errors. */
export function placeOfSolution({ problem }: Solution, index: number): string {
  return `solution ${index} of problem ${problem.id}`;
}

/** ERR_TRACE_EMPTY for a solution without steps. */
export function requireSteps(solution: Solution, index: number): void {
  if (solution.steps.length > 0) return;
  throw new VlprmError('ERR_TRACE_EMPTY', 'a solution without steps cannot be scored', {
    where: placeOfSolution(solution, index),
    fix: 'drop it, or give it at least one step',
  });
}
