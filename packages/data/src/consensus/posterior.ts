import { byPhase, type ErrorRates, type KindRates, type Phase } from './error-rates.ts';
import type { Share, StepEvidence } from './step-evidence.ts';

/** Likelihood of a share at every level, the highest scaled to 1. Flat without evidence. [levels] */
export function levelLikelihoods(share: Share | null, levels: readonly number[]): number[] {
  if (share === null) return levels.map(() => 1);
  const { hits, draws } = share;
  const logs = levels.map((level) => hits * Math.log(level) + (draws - hits) * Math.log1p(-level));
  const highest = Math.max(...logs);
  return logs.map((log) => Math.exp(log - highest));
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

/** A distribution over levels up to a factor: `values` sum to 1, `log` is the logarithm of the factor. */
interface Message {
  readonly values: readonly number[];
  readonly log: number;
}

function scaled(values: readonly number[], log: number): Message {
  const sum = values.reduce((total, value) => total + value, 0);
  return { values: values.map((value) => value / sum), log: log + Math.log(sum) };
}

/** One step under every phase: its success levels, and the logarithm of all else that it contributes. */
interface StepModel {
  readonly transitions: KindRates['transitions'];
  readonly emission: readonly number[];
  readonly logFactor: Readonly<Record<Phase, number>>;
}

function logFactor(step: StepEvidence, rates: KindRates, levels: readonly number[], phase: Phase): number {
  const prior = { right: 1 - rates.hazard, error: rates.hazard, after: 1 }[phase];
  const votes = step.votes.map(({ judge, flagged, weight }) => {
    const flag = rates.flags[judge]?.[phase];
    return flag === undefined ? 0 : weight * Math.log(flagged ? flag : 1 - flag);
  });
  const siblings =
    step.siblings === null || rates.siblings === null
      ? 0
      : Math.log(dot(rates.siblings[phase], levelLikelihoods(step.siblings, levels)));
  return votes.reduce((sum, log) => sum + log, Math.log(prior) + siblings);
}

function modelStep(step: StepEvidence, rates: ErrorRates): StepModel {
  const own = rates.kinds[step.kind];
  return {
    transitions: own.transitions,
    emission: levelLikelihoods(step.rollouts, rates.levels),
    logFactor: byPhase((phase) => logFactor(step, own, rates.levels, phase)),
  };
}

function forward({ values, log }: Message, step: StepModel, phase: Phase): Message {
  const moved = step.emission.map((likelihood, to) => {
    return (
      likelihood * values.reduce((sum, value, from) => sum + value * (step.transitions[phase][from]?.[to] ?? 0), 0)
    );
  });
  return scaled(moved, log + step.logFactor[phase]);
}

function backward({ values, log }: Message, step: StepModel, phase: Phase): Message {
  const seen = values.map((value, to) => value * (step.emission[to] as number));
  return scaled(
    step.transitions[phase].map((row) => dot(row, seen)),
    log + step.logFactor[phase],
  );
}

/**
 * Probability of every place of the first error, [steps + 1]; the last entry is that there is none. They sum to 1.
 *
 * The model: the first error is where a hazard per step kind strikes. Before, at and after it (the phase), per step kind,
 * - a judge names the step with its rate for that phase, unless it has stopped before;
 * - the chance of success of the prefix moves between a few levels, a Markov chain, and completed rollouts are binomial
 *   draws at the level;
 * - of the other solutions that came as far, those that take the same step are binomial draws at a level too.
 *
 * Given the first error, judges, rollouts and siblings are taken to be independent, and the probabilities are raised to
 * 1 / temperature for what is wrong with that. Evidence that is missing drops out
 * of the sums. The sum over first errors and levels is exact: forward messages while all is right, backward ones after the
 * error, in O(steps · levels²).
 */
export function firstErrorProbabilities(steps: readonly StepEvidence[], rates: ErrorRates): number[] {
  const models = steps.map((step) => modelStep(step, rates));
  const after: Message[] = [];
  let rest: Message = { values: rates.levels.map(() => 1), log: 0 };
  for (let i = models.length - 1; i >= 0; i--) {
    after[i] = rest;
    rest = backward(rest, models[i] as StepModel, 'after');
  }
  let right: Message = { values: rates.initial, log: 0 };
  const logs = models.map((model, i) => {
    const atError = forward(right, model, 'error');
    right = forward(right, model, 'right');
    const { values, log } = after[i] as Message;
    return atError.log + log + Math.log(dot(atError.values, values));
  });
  logs.push(right.log);
  const highest = Math.max(...logs);
  const weights = logs.map((log) => Math.exp((log - highest) / rates.temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
