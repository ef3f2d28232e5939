import { TRACE_SCHEMA, type StepLabel, type StepValue, type Trace } from '@vlprm/core/records';

/** Evidence of one step in a shorthand that tests read at a glance. */
export interface StepEvidence {
  readonly kind?: 'perception' | 'reasoning' | null;
  readonly text?: string;
  readonly mc?: Partial<StepValue> | null;
  readonly judge?: StepLabel | undefined;
}

/** A trace with the given evidence and no labels. Without `judge` on any step, nobody reviewed it. */
export function traceWith(steps: readonly StepEvidence[], fields: Partial<Trace> = {}): Trace {
  return {
    schema: TRACE_SCHEMA,
    id: 'trace-0',
    problemId: 'problem-0',
    groupId: 'group-0',
    images: [
      { sha256: 'a'.repeat(64), mime: 'image/png', width: 96, height: 96, path: `images/${'a'.repeat(64)}.png` },
    ],
    question: 'How many circles?',
    answer: '3',
    steps: steps.map((step, index) => ({
      index,
      kind: step.kind === undefined ? (index < steps.length / 2 ? 'perception' : 'reasoning') : step.kind,
      text: step.text ?? `step ${index}`,
      mc:
        step.mc === undefined || step.mc === null
          ? null
          : { correct: 0, incorrect: 0, unparsable: 0, failed: 0, budget: 16, ...step.mc },
      judge: step.judge === undefined ? [] : [{ verdict: step.judge, by: 'judge-a' }],
      label: null,
      soft: null,
      origin: null,
    })),
    finalAnswer: '3',
    outcome: 'correct',
    firstError: null,
    consensus: null,
    provenance: { source: 'test/counts', policy: 'policy-a', judges: ['judge-a'], seed: 7, usd: null },
    ...fields,
  };
}

/** A trace of steps that mostly succeed, with one reading per row: [votes][steps]. */
export function reviewedBy(readings: readonly (readonly StepLabel[])[]): Trace {
  const trace = traceWith((readings[0] ?? []).map(() => ({ mc: { correct: 12, incorrect: 4 } })));
  return {
    ...trace,
    steps: trace.steps.map((step, index) => ({
      ...step,
      judge: readings.map((verdicts, vote) => ({ verdict: verdicts[index] ?? null, by: `judge-${vote}` })),
    })),
  };
}
