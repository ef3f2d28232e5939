import { type Judge, type Review, type Sampled, type Solution } from '@vlprm/core/models';
import type { StepLabel, Usage } from '@vlprm/core/records';
import { createRandom, seedFrom, throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import { JUDGE, JUDGE_NAME } from './constants.ts';
import type { Belief, Eye } from './eyes.ts';
import { ATTRIBUTES, type Element, type Family, type Query } from './family.ts';
import { viewAll, type View } from './view.ts';
import { readSolution, stepPlaces, type SolutionState } from './solution-state.ts';
import { answerStep, hideTarget } from './steps.ts';
import { rowElements } from './worked-solution.ts';

/** The most likely word of every spoken attribute. */
function ownReading(family: Family, query: Query, belief: Belief): Element[] {
  return belief.map((beliefs, index) => {
    const element = Object.fromEntries(
      family.spoken.map((attribute) => {
        const probabilities = beliefs[attribute] ?? new Float32Array(1);
        const best = probabilities.indexOf(Math.max(...probabilities));
        return [attribute, ATTRIBUTES[attribute][best] ?? ''];
      }),
    );
    return index === query.blank ? hideTarget(element, query.target, family) : element;
  });
}

/** Is every claim of a perception row at least as likely as the threshold? */
function rowHolds(family: Family, belief: Belief, row: number, claimed: readonly Element[]): boolean {
  return claimed.every((element, column) =>
    family.spoken.every((attribute) => {
      const word = element[attribute];
      if (word === undefined) return true;
      const at = (ATTRIBUTES[attribute] as readonly string[]).indexOf(word);
      return (belief[row * family.columns + column]?.[attribute]?.[at] ?? 0) >= JUDGE.claimThreshold;
    }),
  );
}

const bestRule = (family: Family, query: Query, reading: readonly Element[]): number => {
  const scores = Array.from({ length: family.ruleCount }, (_, rule) => family.consistency(rule, reading, query));
  return scores.indexOf(Math.max(...scores));
};

/** Does a step hold by the judge's own reading? Rules and deductions are checked exactly. */
function stepHolds(
  family: Family,
  query: Query,
  belief: Belief,
  state: SolutionState,
  place: number,
  text: string,
): boolean {
  if (place < family.rows) return rowHolds(family, belief, place, rowElements(state.reading, place, family));
  const places = stepPlaces(family);
  const reading = ownReading(family, query, belief);
  if (place === places.rule) return state.rule === bestRule(family, query, reading);
  if (place === places.deduction) {
    // The rows have passed by now: what was said stands in for what the own eye read less surely.
    const sound = [reading, state.reading].flatMap((seen) => family.deductions(state.rule ?? 0, seen, query));
    return sound.some(({ premise, value }) => premise === state.deduction?.premise && value === state.deduction.value);
  }
  return state.answer === state.deduction?.value && answerStep(query, state.answer).text === text;
}

/** A stronger eye with an exact rule checker that still overlooks some errors at random. */
class PuzzleJudge implements Judge {
  readonly name = JUDGE_NAME;
  readonly capabilities = { images: true, maxSteps: 6 };
  readonly #eye: Eye;

  constructor(eye: Eye) {
    this.#eye = eye;
  }

  async review(
    solutions: readonly Solution[],
    { seed }: { readonly seed: number },
    signal?: AbortSignal,
  ): Promise<{ reviews: Sampled<Review>[]; usage: Usage }> {
    throwIfAborted(signal);
    const views = await viewAll(this.#eye, solutions);
    const reviews = solutions.map((solution, i): Sampled<Review> => {
      const view = views[i];
      return view == null ? refuse('the question is not one of the puzzle world') : reviewOne(solution, view, seed);
    });
    return { reviews, usage: { calls: solutions.length, promptTokens: null, completionTokens: null, usd: 0 } };
  }
}

const refuse = (what: string): Sampled<Review> => ({
  ok: false,
  error: new VlprmError('ERR_TRACE_MALFORMED', what, {
    where: JUDGE_NAME,
    fix: 'configure a judge for your own problems',
  }),
});

function reviewOne({ steps }: Solution, { family, query, belief, imageHash }: View, seed: number): Sampled<Review> {
  const state = readSolution(family, query, steps);
  if (state === null) return refuse('the solution is not in the words of the puzzle world');
  const random = createRandom(seedFrom('review', imageHash, seed, ...steps.map(({ text }) => text)));
  const firstError = steps.findIndex(({ text }, place) => {
    const missed = random.uniform() < (place < family.rows ? JUDGE.missedPerception : JUDGE.missedReasoning);
    return !missed && !stepHolds(family, query, belief, state, place, text);
  });
  const verdicts = steps.map((_, i): StepLabel =>
    firstError < 0 || i < firstError ? 1 : i === firstError ? -1 : null,
  );
  return { ok: true, value: { verdicts, firstError: firstError < 0 ? null : firstError } };
}

/** The judge of the puzzle world over an eye; `openEyes().judge` is the one that it is measured with. */
export const createPuzzleJudge = (eye: Eye): Judge => new PuzzleJudge(eye);
