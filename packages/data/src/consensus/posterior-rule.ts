import type { Trace } from '@vlprm/core/records';
import type { ErrorRates } from './error-rates.ts';
import { firstErrorProbabilities } from './posterior.ts';
import { dropped, type Decision } from './rule.ts';
import { completedRollouts, stepEvidence, type StepEvidence } from './step-evidence.ts';

/** A reading of a judge with rates, or a completed rollout: a solution's own answer and its siblings show too little. */
function isKnown(trace: Trace, steps: readonly StepEvidence[], { kinds }: ErrorRates): boolean {
  const isJudged = ({ kind, votes }: StepEvidence): boolean =>
    votes.some(({ judge }) => kinds[kind].flags[judge] !== undefined);
  return steps.some(isJudged) || trace.steps.some((step) => completedRollouts(step) !== null);
}

/** P(no error up to and with a step), from the places of the first error: [steps]. */
function rightProbabilities(firstErrors: readonly number[]): number[] {
  let wrong = 0;
  return firstErrors.slice(0, -1).map((probability) => {
    wrong += probability;
    return Math.min(1, Math.max(0, 1 - wrong));
  });
}

/**
 * Probability that a step and all before it are right, [traces][steps], from {@link firstErrorProbabilities}; the steps
 * after a labelled error have theirs here, too. Null for a trace without a completed rollout and without a reading of a
 * judge whose readings were audited. All solutions of a problem belong into one call.
 */
export function stepPosteriors(traces: readonly Trace[], rates: ErrorRates): (number[] | null)[] {
  return stepEvidence(traces).map((steps, i) =>
    isKnown(traces[i] as Trace, steps, rates) ? rightProbabilities(firstErrorProbabilities(steps, rates)) : null,
  );
}

/**
 * Labels by the probability that no error has come up to and with a step: it is right while that is at least one half,
 * which makes the fewest wrong calls that can be expected. `soft` is that probability. Confidence is the share of the
 * trace's steps that are expected to be called rightly, where a step counts as wrong from the first error on.
 * A trace without evidence is dropped.
 */
export function decideByPosterior(right: readonly number[] | null): Decision {
  if (right === null) return dropped('no-evidence');
  const first = right.findIndex((probability) => probability < 0.5);
  const called = right.reduce((sum, probability) => sum + Math.max(probability, 1 - probability), 0);
  return {
    kept: true,
    reason: first < 0 ? 'posterior-no-error' : 'posterior-found-error',
    firstError: first < 0 ? null : first,
    confidence: called / right.length,
    step: (index) => ({ label: index === first ? -1 : 1, soft: right[index] ?? null, origin: 'consensus' }),
  };
}
