import type { StepValue } from '@vlprm/core/records';
import type { MissedErrors, Report } from './report-schema.ts';

/** A trace that the judge passed, with its rollouts and the truth of the scene. */
export interface PassedTrace {
  readonly values: readonly (StepValue | null)[];
  /** Steps that are wrong by the scene, each on its own. */
  readonly wrong: readonly boolean[];
}

/** True when rollouts from the step came to an end and none was right. */
function isHopeless(value: StepValue | null | undefined): boolean {
  if (value === null || value === undefined) return false;
  return value.correct === 0 && value.incorrect + value.unparsable > 0;
}

function rateOf(traces: readonly PassedTrace[], missed: (trace: PassedTrace) => boolean): number | null {
  return traces.length === 0 ? null : traces.filter(missed).length / traces.length;
}

function missedErrors(
  traces: readonly PassedTrace[],
  vetoed: (trace: PassedTrace) => boolean,
  missed: (trace: PassedTrace) => boolean,
): MissedErrors {
  const dropped = traces.filter(vetoed);
  const kept = traces.filter((trace) => !vetoed(trace));
  return {
    missedRateDropped: rateOf(dropped, missed),
    missedRateKept: rateOf(kept, missed),
    dropped: dropped.length,
    kept: kept.length,
  };
}

/**
 * Whether the Monte-Carlo veto of the hybrid rule earns its place: among traces that the judge passed, how often those
 * that it drops hold an error by the scene, and how often those that it keeps. A step vetoes when none of its completed
 * rollouts is right. The last step's rollouts only repeat the trace's own answer, so both figures are given without
 * that evidence too, and without errors in that step.
 */
export function vetoQuality(passed: readonly PassedTrace[]): Report['synthesis']['veto'] {
  const vetoed = (trace: PassedTrace): boolean => trace.values.some(isHopeless);
  const vetoedBefore = (trace: PassedTrace): boolean => trace.values.slice(0, -1).some(isHopeless);
  const missed = (trace: PassedTrace): boolean => trace.wrong.includes(true);
  const missedBefore = (trace: PassedTrace): boolean => trace.wrong.slice(0, -1).includes(true);
  return {
    ...missedErrors(passed, vetoed, missed),
    withoutLastStepEvidence: missedErrors(passed, vetoedBefore, missed),
    withoutLastStepErrors: missedErrors(passed, vetoed, missedBefore),
  };
}
