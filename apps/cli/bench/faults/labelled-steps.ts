import type { StepValue, TraceStep } from '@vlprm/core/records';

type Step = Pick<TraceStep, 'index' | 'mc' | 'judge' | 'label' | 'origin'>;
/** What is looked at of a trace. */
export interface LabelledTrace {
  readonly steps: readonly Step[];
}

export interface LabelCount {
  readonly labelled: number;
  /** Of those: steps whose label has neither a completed rollout nor a whole review behind it. */
  readonly fromFailures: number;
}

const completed = (value: StepValue | null): number =>
  value === null ? 0 : value.correct + value.incorrect + value.unparsable;

/** Whether some judge went through the trace to its end, or to an error that it found. */
function isReviewed({ steps }: LabelledTrace): boolean {
  const judges = new Set(steps.flatMap(({ judge }) => judge.map(({ by }) => by)));
  return [...judges].some((name) => {
    const verdicts = steps.map(({ judge }) => judge.find(({ by }) => by === name)?.verdict ?? null);
    const error = verdicts.indexOf(-1);
    return !verdicts.slice(0, error < 0 ? undefined : error).includes(null);
  });
}

/** Whether rollouts that came back say something of a step; what can be completed later on can be completed from here. */
function isRolledOut({ steps }: LabelledTrace, { index, label, mc }: Step): boolean {
  if (completed(mc) > 0) return true;
  return label === 1 && steps.slice(index + 1).some((later) => (later.mc?.correct ?? 0) > 0);
}

function isFounded(trace: LabelledTrace, step: Step): boolean {
  if (step.origin === 'mc') return isRolledOut(trace, step);
  if (step.origin === 'judge') return isReviewed(trace);
  return step.origin === 'consensus' && isReviewed(trace) && trace.steps.some((one) => isRolledOut(trace, one));
}

/** Counts the labels of traces again, from the evidence beside them. */
export async function countLabels(traces: AsyncIterable<LabelledTrace> | Iterable<LabelledTrace>): Promise<LabelCount> {
  let labelled = 0;
  let fromFailures = 0;
  for await (const trace of traces) {
    for (const step of trace.steps) {
      if (step.label === null) continue;
      labelled += 1;
      if (!isFounded(trace, step)) fromFailures += 1;
    }
  }
  return { labelled, fromFailures };
}
