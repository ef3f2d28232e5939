import type { Policy, ProcessRewardModel, Solution } from '@vlprm/core';
import { generatePuzzles, presented } from '@vlprm/data/puzzle-world';
import type { DoctorCheck } from '../contract/doctor.ts';
import { failedCheck } from './failed-check.ts';

/** Puzzles that the test looks at, each also with the picture of the next. */
const PUZZLES = 4;

/**
 * Scores solutions of a few puzzles with their own pictures and with each other's: rows = steps, scores are
 * probabilities, the picture matters (unless the PRM declares that it sees none), and how long it takes.
 */
export async function selfTestPrm(prm: ProcessRewardModel, policy: Policy): Promise<DoctorCheck[]> {
  try {
    const solutions = await sampleSolutions(policy);
    const swapped = solutions.map((solution, index): Solution => ({
      ...solution,
      images: solutions[(index + 1) % solutions.length]!.images,
    }));
    const start = performance.now();
    const { scores } = await prm.scoreSteps([...solutions, ...swapped]);
    const elapsedMs = performance.now() - start;
    const own = scores.slice(0, solutions.length).map(({ probabilities }) => probabilities);
    const other = scores.slice(solutions.length).map(({ probabilities }) => probabilities);
    return [
      rowsCheck(solutions, own),
      rangeCheck([...own, ...other]),
      sightCheck(prm, own, other),
      {
        name: 'prm latency',
        status: 'ok',
        detail: `${Math.round(elapsedMs)} ms for ${scores.length} solutions`,
        fix: null,
      },
    ];
  } catch (error) {
    return [failedCheck('prm self-test', error)];
  }
}

async function sampleSolutions(policy: Policy): Promise<Solution[]> {
  const problems = generatePuzzles({ seed: 0, split: 'test', count: PUZZLES }).map(presented);
  const { proposals } = await policy.propose(
    problems.map((problem) => ({ ...problem, steps: [] })),
    { n: 1, stop: 'end', seed: 0 },
  );
  return problems.map((problem, index) => {
    const proposal = proposals[index]?.[0];
    if (proposal?.ok === true) return { ...problem, steps: proposal.value.steps };
    throw proposal?.error ?? new Error('the policy gave no solution');
  });
}

function rowsCheck(solutions: readonly Solution[], scores: readonly Float32Array[]): DoctorCheck {
  const wrong = solutions.findIndex(({ steps }, index) => scores[index]?.length !== steps.length);
  return {
    name: 'prm rows',
    status: wrong < 0 ? 'ok' : 'failed',
    detail:
      wrong < 0
        ? 'one score a step'
        : `${scores[wrong]?.length ?? 0} scores for ${solutions[wrong]!.steps.length} steps`,
    fix: wrong < 0 ? null : 'the adapter or the bundle does not fit this version: train again',
  };
}

function rangeCheck(scores: readonly Float32Array[]): DoctorCheck {
  const outside = scores.flatMap((row) => [...row]).find((p) => !(p >= 0 && p <= 1));
  return {
    name: 'prm scores',
    status: outside === undefined ? 'ok' : 'failed',
    detail: outside === undefined ? 'all in [0, 1]' : `a score of ${outside}`,
    fix: outside === undefined ? null : 'the bundle is damaged: train again',
  };
}

/** Smallest mean change of a score under another picture that counts as seeing. */
const SEEING = 0.01;

function sightCheck(
  prm: ProcessRewardModel,
  own: readonly Float32Array[],
  other: readonly Float32Array[],
): DoctorCheck {
  const changes = own.flatMap((row, index) => [...row].map((p, step) => Math.abs(p - (other[index]?.[step] ?? NaN))));
  const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length;
  const detail = `scores change by ${mean.toFixed(3)} on average under another picture`;
  if (!prm.capabilities.images) {
    return { name: 'prm sight', status: 'missing', detail: 'this PRM declares that it sees no picture', fix: null };
  }
  const seeing = mean >= SEEING;
  const fix = seeing ? null : 'it does not look at the picture: check its base and its image processor';
  return { name: 'prm sight', status: seeing ? 'ok' : 'failed', detail, fix };
}
