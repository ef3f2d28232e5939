import type { Policy, Prefix, Proposal, ProposeOptions, Sampled } from '@vlprm/core/models';
import { addCounts, type Step, type Usage } from '@vlprm/core/records';
import { createRandom, seedFrom, throwIfAborted, VlprmError, type Random } from '@vlprm/core/runtime';
import { POLICY, POLICY_NAME } from './constants.ts';
import type { Belief, Eye } from './eyes.ts';
import { ATTRIBUTES, type Deduction, type Element, type Family, type Query } from './family.ts';
import { viewAll, type View } from './view.ts';
import { readSolution, stepPlaces, type SolutionState } from './solution-state.ts';
import { answerStep, deductionStep, finalAnswer, hideTarget, perceptionStep, ruleStep } from './steps.ts';
import { rowElements } from './worked-solution.ts';

/** What all samples of one puzzle share: what the eye believes, a leaning towards rules, and whether it is hard. */
interface Disposition {
  readonly family: Family;
  readonly query: Query;
  readonly belief: Belief;
  readonly ruleLeaning: readonly number[];
  readonly slip: number;
  /** Which way this puzzle misleads, in [0, 1). */
  readonly slipDirection: number;
}

function disposition({ family, query, belief }: View, key: string): Disposition {
  const random = createRandom(seedFrom('disposition', key));
  const ruleLeaning = Array.from({ length: family.ruleCount }, () => random.gumbel());
  const hard = random.uniform() < POLICY.hardShare;
  return {
    family,
    query,
    belief,
    ruleLeaning,
    slip: hard ? POLICY.hardSlip : POLICY.easySlip,
    slipDirection: random.uniform(),
  };
}

function sampleWord(words: readonly string[], probabilities: Float32Array | undefined, random: Random): string {
  if (probabilities === undefined) throw new VlprmError('ERR_INTERNAL', 'the eye believes nothing of an element');
  let rest = random.uniform();
  for (const [i, word] of words.entries()) {
    rest -= probabilities[i] ?? 0;
    if (rest < 0) return word;
  }
  return words.at(-1) ?? '';
}

/** What one sample sees of one element; the blank named by the question is never read. */
function perceiveElement({ family, query, belief }: Disposition, index: number, random: Random): Element {
  const element = Object.fromEntries(
    family.spoken.map((attribute) => [
      attribute,
      sampleWord(ATTRIBUTES[attribute], belief[index]?.[attribute], random),
    ]),
  );
  return index === query.blank ? hideTarget(element, query.target, family) : element;
}

function chooseRule({ family, query, ruleLeaning }: Disposition, reading: readonly Element[], random: Random): number {
  let best = 0;
  let bestScore = -Infinity;
  for (let rule = 0; rule < family.ruleCount; rule++) {
    const agreement = family.consistency(rule, reading, query);
    const counting = query.counted !== null;
    const evidence = counting ? (agreement - 1) * POLICY.countGap : agreement;
    const bias = counting ? 0 : (POLICY.ruleBias[rule] ?? 0);
    const score =
      POLICY.ruleEvidence * evidence + bias + POLICY.rulePuzzleNoise * (ruleLeaning[rule] ?? 0) + random.gumbel();
    if (score > bestScore) {
      best = rule;
      bestScore = score;
    }
  }
  return best;
}

/** A deduction made up where the reading allows none: whatever comes to mind. */
function confabulate({ family, query }: Disposition, random: Random): Deduction {
  const value = random.pick(family.values(query));
  const place = `row ${random.int(family.rows) + 1} column ${random.int(family.columns) + 1}`;
  return { premise: `${place} is ${value}`, value };
}

/** The value that a slip comes to: fixed per puzzle, so that samples slip alike; a number slips to its neighbour. */
function slipValue({ family, query, slipDirection }: Disposition, value: string): string {
  const values = family.values(query);
  const at = values.indexOf(value);
  if (values === ATTRIBUTES.digit) {
    const step = slipDirection < 0.5 ? -1 : 1;
    return values[at + step] ?? values[at - step] ?? value;
  }
  const others = values.filter((other) => other !== value);
  return others[Math.floor(slipDirection * others.length)] ?? value;
}

function deduce(own: Disposition, rule: number, reading: readonly Element[], random: Random): Deduction {
  const options = own.family.deductions(rule, reading, own.query);
  const deduction = options.length === 0 ? confabulate(own, random) : random.pick(options);
  return random.uniform() < own.slip ? { ...deduction, value: slipValue(own, deduction.value) } : deduction;
}

function answerFrom(own: Disposition, deduction: Deduction, random: Random): string {
  const values = own.family.values(own.query);
  const known = own.query.options === null || values.includes(deduction.value);
  const value = known ? deduction.value : random.pick(values);
  return random.uniform() < POLICY.answerSlip ? random.pick(values.filter((other) => other !== value)) : value;
}

/** The steps that follow a state, up to the end or one step. */
function continueFrom(
  own: Disposition,
  state: SolutionState,
  done: number,
  stop: 'step' | 'end',
  random: Random,
): Proposal {
  const { family, query } = own;
  const places = stepPlaces(family);
  const limit = stop === 'step' ? done + 1 : places.total;
  const reading = [...state.reading];
  const steps: Step[] = [];
  let { rule, deduction, answer } = state;
  for (let place = done; place < limit; place++) {
    if (place < family.rows) {
      for (let column = 0; column < family.columns; column++)
        reading.push(perceiveElement(own, reading.length, random));
      steps.push(perceptionStep(family, place, rowElements(reading, place, family)));
    } else if (place === places.rule) {
      rule = chooseRule(own, reading, random);
      steps.push(ruleStep(family, rule, query));
    } else if (place === places.deduction) {
      deduction = deduce(own, rule ?? 0, reading, random);
      steps.push(deductionStep(family, deduction));
    } else {
      answer = answerFrom(own, deduction ?? confabulate(own, random), random);
      steps.push(answerStep(query, answer));
    }
  }
  return {
    steps,
    finalAnswer: answer === null ? null : finalAnswer(query, answer),
    ended: limit === places.total,
    tokens: steps.reduce((sum, { text }) => sum + countWords(text), 0),
  };
}

const countWords = (text: string): number => text.split(' ').length;

const refuse = (what: string, fix: string): Sampled<Proposal> => ({
  ok: false,
  error: new VlprmError('ERR_TRACE_MALFORMED', what, { where: POLICY_NAME, fix }),
});

/** A small trained eye and a reasoner that errs: it reads pixels and words, never the scene. */
class PuzzlePolicy implements Policy {
  readonly name = POLICY_NAME;
  readonly capabilities = { images: true, maxSteps: 6 };
  readonly #eye: Eye;

  constructor(eye: Eye) {
    this.#eye = eye;
  }

  async propose(
    prefixes: readonly Prefix[],
    options: ProposeOptions,
    signal?: AbortSignal,
  ): Promise<{ proposals: Sampled<Proposal>[][]; usage: Usage }> {
    throwIfAborted(signal);
    const views = await viewAll(this.#eye, prefixes);
    const proposals = prefixes.map((prefix, i) => {
      const view = views[i];
      if (view == null) {
        return Array.from({ length: options.n }, () =>
          refuse('the question is not one of the puzzle world', 'configure a policy for your own problems'),
        );
      }
      const key = `${view.imageHash}:${prefix.problem.question}`;
      return this.#sample(disposition(view, key), prefix, key, options);
    });
    const completionTokens = proposals
      .flat()
      .reduce<number | null>((sum, sampled) => (sampled.ok ? addCounts(sum, sampled.value.tokens) : sum), 0);
    const promptTokens = prefixes.reduce((sum, { problem }) => sum + countWords(problem.question), 0);
    return { proposals, usage: { calls: prefixes.length, promptTokens, completionTokens, usd: 0 } };
  }

  #sample(own: Disposition, prefix: Prefix, key: string, { n, stop, seed }: ProposeOptions): Sampled<Proposal>[] {
    const state = readSolution(own.family, own.query, prefix.steps);
    const text = prefix.steps.map((step) => step.text).join('\n');
    return Array.from({ length: n }, (_, i) => {
      if (state === null)
        return refuse('the prefix is not in the words of the puzzle world', 'continue its own steps only');
      const random = createRandom(seedFrom('sample', key, text, seed, i));
      return { ok: true, value: continueFrom(own, state, prefix.steps.length, stop, random) };
    });
  }
}

/** The policy of the puzzle world over an eye; `openEyes().policy` is the one that it is measured with. */
export const createPuzzlePolicy = (eye: Eye): Policy => new PuzzlePolicy(eye);
