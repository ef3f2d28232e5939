import type { StepLabel, Trace } from '@vlprm/core/records';

/** One judge's whole reading of a trace. */
export interface JudgeReading {
  readonly by: string;
  /** [steps] 1 right, 0 neutral, -1 wrong; null after the first error. */
  readonly verdicts: readonly StepLabel[];
  /** Flat 0-based index of the first wrong step; null when the judge passed the trace. */
  readonly firstError: number | null;
}

/** The judge that decides when several reviewed a trace: the one listed first. */
function decidingJudge(trace: Trace): string | null {
  return trace.steps[0]?.judge[0]?.by ?? null;
}

/**
 * The deciding judge's reading. Null when no judge reviewed the trace, or when it stopped
 * without having found an error: an unfinished review is no verdict.
 */
export function readJudge(trace: Trace): JudgeReading | null {
  const by = decidingJudge(trace);
  if (by === null) return null;
  const verdicts: StepLabel[] = trace.steps.map(
    (step) => step.judge.find((verdict) => verdict.by === by)?.verdict ?? null,
  );
  const first = verdicts.indexOf(-1);
  const read = first < 0 ? verdicts : verdicts.slice(0, first);
  if (read.includes(null)) return null;
  return {
    by,
    verdicts: verdicts.map((verdict, i) => (first >= 0 && i > first ? null : verdict)),
    firstError: first < 0 ? null : first,
  };
}
