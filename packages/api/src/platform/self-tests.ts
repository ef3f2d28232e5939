import type { Judge, Policy, ProcessRewardModel } from '@vlprm/core';
import { selfTestJudge, selfTestPolicy, selfTestPrm, type LabelledSolution } from '@vlprm/core/models';
import { createRandom } from '@vlprm/core/runtime';
import {
  FAMILY_IDS,
  generatePuzzles,
  presented,
  stepTruth,
  workedSolution,
  type Puzzle,
} from '@vlprm/data/puzzle-world';
import type { DoctorCheck } from '../contract/doctor.ts';

export interface TestedModels {
  readonly policy: Policy | null;
  readonly judges: readonly Judge[];
  readonly prm: ProcessRewardModel | null;
}

/** Puzzles that policy and judge look at. */
const FEW = 4;

/** Tests the models that there are on a few puzzles. The PRM reads right solutions, and those of other puzzles. */
export async function selfTestModels(
  { policy, judges, prm }: TestedModels,
  signal?: AbortSignal,
): Promise<DoctorCheck[]> {
  const puzzles = generatePuzzles({ seed: 0, split: 'test', count: 2 * FAMILY_IDS.length });
  const cases = labelledSolutions(puzzles);
  const few = puzzles.slice(0, FEW).map(presented);
  const solutions = cases.slice(0, FEW).map(({ solution }) => solution);
  const findings = await Promise.all([
    policy && selfTestPolicy(policy, few, signal),
    ...judges.map(async (judge): Promise<DoctorCheck[]> => {
      const found = await selfTestJudge(judge, solutions, signal);
      return judges.length === 1 ? found : found.map((check) => ({ ...check, name: `${check.name} (${judge.name})` }));
    }),
    prm && selfTestPrm(prm, cases, signal),
  ]);
  return findings.flatMap((some) => some ?? []);
}

/** Each puzzle with its worked solution, and with that of the next puzzle of its family: the families come in turn. */
function labelledSolutions(puzzles: readonly Puzzle[]): LabelledSolution[] {
  const worked = puzzles.map(({ scene }, index) => workedSolution(scene, createRandom(index)));
  const labelled = (puzzle: Puzzle, steps: LabelledSolution['solution']['steps']): LabelledSolution => ({
    solution: { ...presented(puzzle), steps },
    labels: stepTruth(puzzle.scene, steps).local.map((holds) => (holds ? 1 : -1)),
  });
  return [0, FAMILY_IDS.length].flatMap((ahead) =>
    puzzles.map((puzzle, index) => labelled(puzzle, worked[(index + ahead) % puzzles.length]!)),
  );
}
