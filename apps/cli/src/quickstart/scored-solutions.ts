import type { ProcessRewardModel, Solution } from '@vlprm/core';
import type { Step } from '@vlprm/core/records';
import { startStage } from '@vlprm/core/runtime';
import type { Puzzle, StepTruth } from '@vlprm/data/puzzle-world';
import { presented } from '@vlprm/data/puzzle-world';
import type { StageContext } from './stage-context.ts';

/** A test solution with what is true about its steps. */
export interface KnownSolution {
  readonly puzzle: Puzzle;
  readonly steps: readonly Step[];
  readonly truth: StepTruth;
}

const SOLUTIONS_PER_CALL = 2048;

/** The solution as a PRM gets it, with the puzzle's own picture or another one. */
export function asSolution({ puzzle, steps }: Pick<KnownSolution, 'puzzle' | 'steps'>, png = puzzle.png): Solution {
  return { ...presented(puzzle), images: [png], steps };
}

/** Probabilities of every step of every solution: [solutions][steps]. */
export async function scoreInCalls(
  prm: ProcessRewardModel,
  solutions: readonly Solution[],
  stage: string,
  { signal, events }: StageContext,
): Promise<Float32Array[]> {
  const progress = startStage(events, stage, { total: solutions.length });
  const scores: Float32Array[] = [];
  for (let start = 0; start < solutions.length; start += SOLUTIONS_PER_CALL) {
    const batch = await prm.scoreSteps(solutions.slice(start, start + SOLUTIONS_PER_CALL), signal);
    for (const { probabilities } of batch.scores) scores.push(probabilities);
    progress.advance(batch.scores.length);
  }
  return scores;
}
