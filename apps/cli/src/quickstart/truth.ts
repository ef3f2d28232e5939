import { VlprmError } from '@vlprm/core/runtime';
import type { Step, Trace } from '@vlprm/core/records';
import { stepTruth, type Puzzle, type StepTruth } from '@vlprm/data/puzzle-world';

/** Looks up what is true about steps of known puzzles. Only scoring uses it; no model does. */
export class TruthBook {
  readonly #puzzles: ReadonlyMap<string, Puzzle>;

  constructor(puzzles: readonly Puzzle[]) {
    this.#puzzles = new Map(puzzles.map((puzzle) => [puzzle.problem.id, puzzle]));
  }

  puzzle(problemId: string): Puzzle {
    const puzzle = this.#puzzles.get(problemId);
    if (puzzle !== undefined) return puzzle;
    throw new VlprmError('ERR_INTERNAL', 'a solution of a puzzle that this run did not draw', { where: problemId });
  }

  ofSteps(problemId: string, steps: readonly Step[]): StepTruth {
    return stepTruth(this.puzzle(problemId).scene, steps);
  }

  ofTrace(trace: Trace): StepTruth {
    return this.ofSteps(trace.problemId, trace.steps);
  }
}

/** Family of a puzzle, e.g. `count`. */
export function familyOf(source: string): string {
  return source.slice(source.lastIndexOf('/') + 1);
}
