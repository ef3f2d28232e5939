import { VlprmError } from '@vlprm/core/runtime';
import type { StepValue, Trace } from '@vlprm/core/records';
import { mcLabels } from '@vlprm/native-cuda';

/** What the rollouts say of one step: 1 above the threshold, -1 at or below it, null when they say nothing. */
export type McVerdict = 1 | -1 | null;

/** Monte-Carlo evidence of one trace under a threshold. Arrays are [steps]. */
export interface McReading {
  /**
   * By the step's own completed rollouts. Under threshold 0 a step that was not estimated is right when a later step was
   * completed to the right answer: so was this one. A step whose every rollout failed has no verdict.
   */
  readonly verdicts: readonly McVerdict[];
  /**
   * Posterior mean of the success rate under Jeffreys' prior Beta(½, ½): (correct + ½) / (completed + 1), in (0, 1).
   * Null when no rollout completed.
   */
  readonly posterior: readonly (number | null)[];
  /** First step with verdict -1, flat and 0-based. */
  readonly firstError: number | null;
}

/** Thresholds are compared in integers: `correct · DENOMINATOR <= numerator · completed`. */
const DENOMINATOR = 1_000_000;

const OUTCOME = { incorrect: 0, correct: 1, unparsable: 2, failed: 3 } as const;

/**
 * The threshold as the kernel takes it, exact to six decimals.
 * @throws ERR_RANGE unless 0 <= threshold <= 0.999999
 */
export function rationalThreshold(threshold: number): { numerator: number; denominator: number } {
  const numerator = Math.round(threshold * DENOMINATOR);
  if (!Number.isFinite(threshold) || threshold < 0 || numerator >= DENOMINATOR) {
    throw new VlprmError('ERR_RANGE', `threshold ${threshold} is not a success rate in [0, 1)`, {
      where: 'threshold',
      fix: 'give the highest success rate that still counts as wrong, for instance 0 or 0.5',
    });
  }
  return { numerator, denominator: DENOMINATOR };
}

function fillOutcomes(outcomes: Uint8Array, begin: number, value: StepValue): number {
  let end = begin;
  for (const name of ['incorrect', 'correct', 'unparsable', 'failed'] as const) {
    outcomes.fill(OUTCOME[name], end, end + value[name]);
    end += value[name];
  }
  return end;
}

function rolloutsOf(value: StepValue | null): number {
  return value === null ? 0 : value.correct + value.incorrect + value.unparsable + value.failed;
}

/** Fills in the verdicts of steps that were not estimated and have a success after them. */
function implyRight({ steps }: Trace, verdicts: McVerdict[]): void {
  for (let i = verdicts.lastIndexOf(1) - 1; i >= 0; i--) {
    if (steps[i]?.mc === null) verdicts[i] = 1;
  }
}

/**
 * Reads the rollouts of many traces in one call of the `mcLabels` kernel. Result shape: [traces].
 * A step is negative iff correct / completed <= threshold, completed = correct + incorrect + unparsable:
 * a failed call is no evidence. Null for a trace without a single completed rollout.
 * @throws ERR_RANGE for a threshold outside [0, 1)
 */
export function readRollouts(traces: readonly Trace[], threshold: number): (McReading | null)[] {
  const values = traces.flatMap((trace) => trace.steps.map((step) => step.mc));
  const outcomes = new Uint8Array(values.reduce((sum, value) => sum + rolloutsOf(value), 0));
  const offsets = new Int32Array(values.length + 1);
  values.forEach((value, i) => {
    const begin = offsets[i] ?? 0;
    offsets[i + 1] = value === null ? begin : fillOutcomes(outcomes, begin, value);
  });
  const { correct, incorrect, unparsable, label } = mcLabels({
    outcomes,
    offsets,
    threshold: rationalThreshold(threshold),
  });
  let next = 0;
  return traces.map((trace) => {
    const verdicts: McVerdict[] = [];
    const posterior: (number | null)[] = [];
    for (const end = next + trace.steps.length; next < end; next++) {
      const completed = (correct[next] ?? 0) + (incorrect[next] ?? 0) + (unparsable[next] ?? 0);
      verdicts.push(completed === 0 ? null : label[next] === 1 ? 1 : -1);
      posterior.push(completed === 0 ? null : ((correct[next] ?? 0) + 0.5) / (completed + 1));
    }
    if (verdicts.every((verdict) => verdict === null)) return null;
    if (threshold === 0) implyRight(trace, verdicts);
    const first = verdicts.indexOf(-1);
    return { verdicts, posterior, firstError: first < 0 ? null : first };
  });
}
