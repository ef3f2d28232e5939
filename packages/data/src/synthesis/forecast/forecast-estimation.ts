import { PROBLEM_SCHEMA, type Problem } from '@vlprm/core/records';
import { seedFrom } from '@vlprm/core/runtime';
import { estimateProblem } from '../estimation.ts';
import type { Estimator, EstimatorName } from '../estimators/estimator.ts';
import { createEstimator, type EstimatorOptions } from '../estimators/index.ts';
import type { ProblemOutline } from './population.ts';
import { answerOf, simulatedChecker, simulatedPolicy } from './simulated-policy.ts';

export interface EstimationPlan extends EstimatorOptions {
  readonly estimator: EstimatorName;
  /** Most rollouts of one problem; null leaves the number to the estimator. */
  readonly rolloutsPerProblem: number | null;
  /** Most continuations that one call of the policy can bring. */
  readonly choicesPerCall: number;
  readonly seed: number;
}

/** What an estimator asks of a policy. Steps are counted, so that whoever knows their tokens can price them. */
export interface EstimationLoad {
  readonly rollouts: number;
  readonly calls: number;
  /** Steps of the prefixes, summed over the calls: what their prompts hold beside the problem. */
  readonly promptSteps: number;
  /** Steps that the rollouts write. */
  readonly writtenSteps: number;
  /** Requests that had to wait for the answers to the one before, summed over the problems. */
  readonly rounds: number;
}

/** Calls that bring `n` continuations. */
export function callsFor(n: number, choicesPerCall: number): number {
  return Math.max(1, Math.ceil(n / choicesPerCall));
}

/** A problem whose text does not matter. */
const asked = (id: string): Problem => ({
  schema: PROBLEM_SCHEMA,
  id,
  groupId: id,
  images: [],
  question: 'forecast',
  options: null,
  answer: answerOf(true),
  source: 'forecast',
});

/** The estimator, told of its rounds. */
function countingRounds(estimator: Estimator, onRound: () => void): Estimator {
  return {
    ...estimator,
    *estimate(task) {
      for (const requests of estimator.estimate(task)) {
        onRound();
        yield requests;
      }
    },
  };
}

/**
 * What an estimator asks for on problems with these outlines: the estimation of a synthesis, run against a policy that is
 * simulated. No model is called. An estimator whose requests do not depend on outcomes is forecast exactly.
 * @throws ERR_ABORTED
 */
export async function forecastEstimation(
  outlines: readonly ProblemOutline[],
  plan: EstimationPlan,
  signal?: AbortSignal,
): Promise<EstimationLoad> {
  const load = { rollouts: 0, calls: 0, promptSteps: 0, writtenSteps: 0, rounds: 0 };
  const estimator = countingRounds(createEstimator(plan.estimator, plan), () => (load.rounds += 1));
  for (const [index, outline] of outlines.entries()) {
    const seed = seedFrom(plan.seed, 'forecast', index);
    const policy = simulatedPolicy(outline, seed, ({ n, prefixSteps, stepsWritten }) => {
      const calls = callsFor(n, plan.choicesPerCall);
      load.rollouts += n;
      load.calls += calls;
      load.promptSteps += calls * prefixSteps;
      load.writtenSteps += n * stepsWritten;
    });
    const samples = outline.map(({ steps, right }) => {
      return { ok: true as const, steps: [...steps], finalAnswer: answerOf(right), tokens: null };
    });
    const { rolloutsPerProblem } = plan;
    const settings = { estimator, policy, checker: simulatedChecker, temperature: null, seed, rolloutsPerProblem };
    await estimateProblem({ loaded: { problem: asked(`${index}`), images: [] }, samples }, settings, signal);
  }
  return load;
}
