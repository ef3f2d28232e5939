import type { StepLabel } from '../../records/index.ts';
import { VlprmError } from '../../runtime/errors.ts';
import type { ProcessRewardModel, Solution, StepScores } from '../ports.ts';
import { failedFinding, finding, latency, leftOut, mean, timed, type SelfTestFinding } from './finding.ts';

/** A solution and what is known of its steps: 1 right, −1 wrong. */
export interface LabelledSolution {
  readonly solution: Solution;
  readonly labels: readonly StepLabel[];
}

/** Smallest mean change of a score under another picture that counts as seeing. */
const SEEING = 0.01;
/** Probability mass on the labels below which a model does not answer with them. */
const ANSWERING = 0.5;
/** Largest change of a score by what stands after its step that counts as none. */
const UNMOVED = 1e-2;
const SIGNS = 'and so 3 + 4 - 2 = 5, + is plus and - is minus';

/**
 * Scores solutions with their own pictures and with each other's, and again with a step of signs after them: rows =
 * steps, scores are probabilities, right steps score above wrong ones, the mass is on the labels, signs in a step move
 * nothing, the picture matters (unless the PRM declares that it sees none), and how long it takes.
 * Takes at least two solutions. What fails is a finding; only an abort is thrown.
 */
export async function selfTestPrm(
  prm: ProcessRewardModel,
  cases: readonly LabelledSolution[],
  signal?: AbortSignal,
): Promise<SelfTestFinding[]> {
  const solutions = cases.map(({ solution }) => solution);
  const swapped = solutions.map((solution, index): Solution => ({
    ...solution,
    images: solutions[(index + 1) % solutions.length]!.images,
  }));
  try {
    const { result, elapsedMs } = await timed(() => prm.scoreSteps([...solutions, ...swapped], signal));
    const own = result.scores.slice(0, solutions.length);
    const other = result.scores.slice(solutions.length);
    return [
      rowsFinding(solutions, own),
      rangeFinding(result.scores),
      orderFinding(cases, own),
      massFinding(own),
      await signsFinding(prm, solutions[0]!, own[0]!, signal),
      sightFinding(prm, own, other),
      latency('prm latency', elapsedMs, result.scores.length),
    ];
  } catch (error) {
    if (signal?.aborted) throw error;
    return [failedFinding('prm self-test', error)];
  }
}

function rowsFinding(solutions: readonly Solution[], scores: readonly StepScores[]): SelfTestFinding {
  const rows = scores.map(({ probabilities }) => probabilities.length);
  const wrong = solutions.findIndex(({ steps }, index) => rows[index] !== steps.length);
  const detail =
    wrong < 0 ? 'one score a step' : `${rows[wrong] ?? 0} scores for ${solutions[wrong]!.steps.length} steps`;
  return finding('prm rows', wrong < 0, detail, {
    fix: 'the adapter or the bundle does not fit this version: train again',
  });
}

function rangeFinding(scores: readonly StepScores[]): SelfTestFinding {
  const outside = scores.flatMap(({ probabilities }) => [...probabilities]).find((p) => !(p >= 0 && p <= 1));
  const detail = outside === undefined ? 'all in [0, 1]' : `a score of ${outside}`;
  return finding('prm scores', outside === undefined, detail, { fix: 'the bundle is damaged: train again' });
}

function orderFinding(cases: readonly LabelledSolution[], scores: readonly StepScores[]): SelfTestFinding {
  const scoresOf = (label: StepLabel): number[] =>
    cases.flatMap(({ labels }, index) => [...scores[index]!.probabilities].filter((_, step) => labels[step] === label));
  const [right, wrong] = [scoresOf(1), scoresOf(-1)];
  if (right.length === 0 || wrong.length === 0) {
    return leftOut('prm order', `there are ${right.length} right steps and ${wrong.length} wrong ones to compare`);
  }
  const detail = `right steps score ${mean(right).toFixed(3)}, wrong ones ${mean(wrong).toFixed(3)} on average`;
  return finding('prm order', mean(right) > mean(wrong), detail, {
    fix: 'check that the labels are not exchanged, and that this PRM was trained for such problems',
  });
}

function massFinding(scores: readonly StepScores[]): SelfTestFinding {
  const masses = scores.flatMap(({ mass }) => [...(mass ?? [])]);
  if (masses.length === 0) return leftOut('prm labels', 'this PRM has no vocabulary');
  const least = Math.min(...masses);
  return finding('prm labels', least >= ANSWERING, `at least ${least.toFixed(3)} of the probability is on the labels`, {
    fix: 'check prm.labels and prm.instruction: this model answers with something else',
  });
}

async function signsFinding(
  prm: ProcessRewardModel,
  solution: Solution,
  scores: StepScores,
  signal: AbortSignal | undefined,
): Promise<SelfTestFinding> {
  const name = 'prm signs';
  const kind = solution.steps.at(-1)?.kind ?? null;
  try {
    const { scores: again } = await prm.scoreSteps(
      [{ ...solution, steps: [...solution.steps, { kind, text: SIGNS }] }],
      signal,
    );
    const moved = again[0]!.probabilities;
    const most = Math.max(...scores.probabilities.map((p, step) => Math.abs(p - (moved[step] ?? NaN))));
    const holds = most <= UNMOVED && moved.length === solution.steps.length + 1;
    return finding(name, holds, `a step of signs moves the scores before it by ${most.toFixed(3)}`, {
      fix: 'the places of the labels shift: set prm.reading to chat-token',
    });
  } catch (error) {
    if (VlprmError.is(error) && error.code === 'ERR_TOKEN_UNKNOWN') return leftOut(name, 'its vocabulary has no signs');
    throw error;
  }
}

function sightFinding(
  prm: ProcessRewardModel,
  own: readonly StepScores[],
  other: readonly StepScores[],
): SelfTestFinding {
  if (!prm.capabilities.images) return leftOut('prm sight', 'this PRM declares that it sees no picture');
  const changes = own.flatMap(({ probabilities }, index) =>
    [...probabilities].map((p, step) => Math.abs(p - (other[index]?.probabilities[step] ?? NaN))),
  );
  const change = mean(changes);
  return finding(
    'prm sight',
    change >= SEEING,
    `scores change by ${change.toFixed(3)} on average under another picture`,
    {
      fix: 'it does not look at the picture: check its base and its image processor',
    },
  );
}
