import type { Judge, Policy, Prefix, Proposal, ProposeOptions, Review, Sampled } from '@vlprm/core/models';
import { PROBLEM_SCHEMA, type Problem, type Step, type StepLabel } from '@vlprm/core/records';
import { createRandom, seedFrom, throwIfAborted, VlprmError, type Random } from '@vlprm/core/runtime';
import type { LoadedProblem } from '../problems/loaded-problem.ts';

export interface ChainWorldOptions {
  readonly seed: number;
  /** Steps of every solution, T. Default 24. */
  readonly steps?: number;
  /** Range in [0, 1] of the share of a problem's solutions that hold throughout. Default [0.2, 0.95]. */
  readonly easiness?: readonly [number, number];
  /** Share of problems in which a slip may be undone. Default 0.4. */
  readonly forgiving?: number;
  /** Share of slipped solutions that such a problem would see undone within T steps, at most. Default 0.5. */
  readonly undone?: number;
}

/** A two-state Markov chain: a solution holds, slips with `slip` at each step, and finds back with `recover`. */
export interface Chain {
  readonly slip: number;
  readonly recover: number;
}

export interface ChainJudgeOptions {
  /** P(a slipped step passes as right) and P(a step that holds is called wrong), each on its own. */
  readonly missed: number;
  readonly falseAlarms: number;
}

/**
 * Problems without pictures whose solutions are Markov chains, so that the success rate of every prefix is known exactly:
 * for estimators, forecasts and runs of a length that no model could be asked for. Policy and judge implement the ports and
 * read nothing but the text of the steps. The world is a function of its options.
 */
export interface ChainWorld {
  readonly policy: Policy;
  /** Problems 0 to count - 1, made as they are asked for; iterable any number of times. */
  problems(count: number): Iterable<LoadedProblem>;
  judge(rates: ChainJudgeOptions): Judge;
  chain(problem: Pick<Problem, 'id'>): Chain;
  /** V: the probability that the policy completes the prefix to the right answer. */
  successRate(problem: Pick<Problem, 'id'>, steps: readonly Step[]): number;
  /** First step that slipped; null where none did. */
  firstSlip(steps: readonly Step[]): number | null;
}

const NAME = 'simulated-chains';
const HOLDS = / holds and leaves \d+\.$/;
const SLIPS = / slips and leaves \d+\.$/;
/** What a step says besides its state, so that equal prefixes are rare, as they are in prose. */
const SAYINGS = 10_000;

const writeStep = (index: number, holds: boolean, random: Random): Step => ({
  kind: 'reasoning',
  text: `Step ${index + 1} ${holds ? 'holds' : 'slips'} and leaves ${random.int(SAYINGS)}.`,
});

/** @throws ERR_TRACE_MALFORMED for a step in other words */
function stepHolds({ text }: Step): boolean {
  if (HOLDS.test(text)) return true;
  if (SLIPS.test(text)) return false;
  throw new VlprmError('ERR_TRACE_MALFORMED', `"${text}" is no step of a simulated chain`, {
    where: NAME,
    fix: 'continue its own steps only',
  });
}

const isAt = (steps: readonly Step[]): boolean => {
  const last = steps.at(-1);
  return last === undefined || stepHolds(last);
};

/**
 * P(a solution holds at the end | whether it does now, steps to go): with π = r / (h + r) and λ = 1 - h - r,
 * π + (1 - π) λⁿ from holding, π - π λⁿ from slipped (two-state chain; for h = r = 0 nothing changes).
 */
export function chainSuccessRate({ slip, recover }: Chain, holds: boolean, stepsToGo: number): number {
  const rate = slip + recover;
  if (rate === 0) return holds ? 1 : 0;
  const settled = recover / rate;
  const memory = (1 - rate) ** stepsToGo;
  return holds ? settled + (1 - settled) * memory : settled - settled * memory;
}

function problemAt(seed: number, index: number): Problem {
  return {
    schema: PROBLEM_SCHEMA,
    id: `chain-${seed}-${index}`,
    groupId: `chain-${seed}-${index}`,
    images: [],
    question: 'Where does the chain end?',
    options: null,
    answer: String((index % 89) + 10),
    source: NAME,
  };
}

export function createChainWorld(options: ChainWorldOptions): ChainWorld {
  const { seed, steps: length = 24, easiness = [0.2, 0.95], forgiving = 0.4, undone = 0.5 } = options;

  const chain = ({ id }: Pick<Problem, 'id'>): Chain => {
    const random = createRandom(seedFrom('chain', id));
    const whole = easiness[0] + (easiness[1] - easiness[0]) * random.uniform();
    const recovers = random.uniform() < forgiving;
    const back = recovers ? undone * random.uniform() : 0;
    return { slip: 1 - whole ** (1 / length), recover: 1 - (1 - back) ** (1 / length) };
  };

  const answerOf = (id: string, holds: boolean): string => {
    const right = problemAt(seed, Number(id.slice(id.lastIndexOf('-') + 1))).answer as string;
    return holds ? right : `${right}0`;
  };

  const continueOnce = (prefix: Prefix, own: Chain, stop: ProposeOptions['stop'], random: Random): Proposal => {
    const done = prefix.steps.length;
    const limit = stop === 'step' ? Math.min(done + 1, length) : length;
    let holds = isAt(prefix.steps);
    const steps: Step[] = [];
    for (let index = done; index < limit; index++) {
      holds = random.uniform() < (holds ? 1 - own.slip : own.recover);
      steps.push(writeStep(index, holds, random));
    }
    const ended = limit === length;
    return { steps, finalAnswer: ended ? answerOf(prefix.problem.id, holds) : null, ended, tokens: 6 * steps.length };
  };

  const continuePrefix = (prefix: Prefix, { n, stop, seed: drawSeed }: ProposeOptions): Sampled<Proposal>[] => {
    const own = chain(prefix.problem);
    const key = seedFrom(prefix.problem.id, prefix.steps.map(({ text }) => text).join('\n'), drawSeed);
    return Array.from({ length: n }, (_, i) => ({
      ok: true,
      value: continueOnce(prefix, own, stop, createRandom(seedFrom(key, i))),
    }));
  };

  const firstSlip = (steps: readonly Step[]): number | null => {
    const first = steps.findIndex((step) => !stepHolds(step));
    return first < 0 ? null : first;
  };

  const reviewSteps = (steps: readonly Step[], { missed, falseAlarms }: ChainJudgeOptions, random: Random): Review => {
    const wrong = steps.map((step) => {
      const draw = random.uniform();
      return stepHolds(step) ? draw < falseAlarms : draw >= missed;
    });
    const found = wrong.indexOf(true);
    const verdicts = wrong.map((_, i): StepLabel => (found < 0 || i < found ? 1 : i === found ? -1 : null));
    return { verdicts, firstError: found < 0 ? null : found };
  };

  return {
    chain,
    firstSlip,
    successRate: (problem, steps) => chainSuccessRate(chain(problem), isAt(steps), length - steps.length),
    problems: (count) => ({
      *[Symbol.iterator]() {
        for (let index = 0; index < count; index++) yield { problem: problemAt(seed, index), images: [] };
      },
    }),
    policy: {
      name: NAME,
      capabilities: { images: true, maxSteps: length },
      propose: async (prefixes, proposeOptions, signal) => {
        throwIfAborted(signal);
        const proposals = prefixes.map((prefix) => continuePrefix(prefix, proposeOptions));
        const completionTokens = proposals
          .flat()
          .reduce((sum, proposal) => sum + (proposal.ok ? (proposal.value.tokens ?? 0) : 0), 0);
        const promptTokens = prefixes.reduce((sum, { steps }) => sum + 5 + 6 * steps.length, 0);
        return { proposals, usage: { calls: prefixes.length, promptTokens, completionTokens, usd: 0 } };
      },
    },
    judge: (rates) => ({
      name: `${NAME}-judge`,
      capabilities: { images: true, maxSteps: length },
      review: async (solutions, { seed: drawSeed }, signal) => {
        throwIfAborted(signal);
        const reviews = solutions.map(({ problem, steps }): Sampled<Review> => {
          const key = seedFrom('judge', problem.id, steps.map(({ text }) => text).join('\n'), drawSeed);
          return { ok: true, value: reviewSteps(steps, rates, createRandom(key)) };
        });
        const promptTokens = solutions.reduce((sum, { steps }) => sum + 5 + 6 * steps.length, 0);
        return {
          reviews,
          usage: { calls: solutions.length, promptTokens, completionTokens: 8 * solutions.length, usd: 0 },
        };
      },
    }),
  };
}
