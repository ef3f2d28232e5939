import type { Trace } from '@vlprm/core/records';
import { relabel } from '@vlprm/data/consensus';
import type { JudgedTrace, RuleVerdict } from './label-quality.ts';
import { LABEL_RULES, type LabelRule } from './report-schema.ts';
import type { PassedTrace } from './veto.ts';

/** Truth of one trace: each step on its own, and the first that is wrong. */
export interface TraceTruth {
  readonly local: readonly boolean[];
  readonly firstError: number | null;
}

export type RelabelledTraces = Readonly<Record<LabelRule, readonly Trace[]>>;

/** The same traces labelled by every rule; evidence is untouched. */
export function relabelByEveryRule(traces: readonly Trace[]): RelabelledTraces {
  return Object.fromEntries(LABEL_RULES.map((rule) => [rule, relabel(traces, rule)])) as Record<LabelRule, Trace[]>;
}

function verdictOf(trace: Trace): RuleVerdict {
  return { kept: trace.consensus?.kept === true, firstError: trace.firstError };
}

/** Every trace with what each rule says, beside its truth. */
export function judgeTraces(relabelled: RelabelledTraces, truth: (trace: Trace) => TraceTruth): JudgedTrace[] {
  return relabelled.hybrid.map((trace, i) => ({
    groupId: trace.groupId,
    kinds: trace.steps.map((step) => step.kind),
    trueFirstError: truth(trace).firstError,
    verdicts: Object.fromEntries(
      LABEL_RULES.map((rule) => [rule, verdictOf(relabelled[rule][i] ?? trace)]),
    ) as JudgedTrace['verdicts'],
  }));
}

/** Traces in which the judge reviewed every step and found no error. */
export function passedTraces(traces: readonly Trace[], truth: (trace: Trace) => TraceTruth): PassedTrace[] {
  return traces
    .filter((trace) =>
      trace.steps.every((step) => step.judge.length > 0 && step.judge.every(({ verdict }) => verdict === 1)),
    )
    .map((trace) => ({
      values: trace.steps.map((step) => step.mc),
      wrong: truth(trace).local.map((right) => !right),
    }));
}

/** Share of reviewed traces whose first error, or absence of one, the judge names exactly; null when none was reviewed. */
export function judgeFirstErrorAccuracy(
  judgeLabelled: readonly Trace[],
  truth: (trace: Trace) => TraceTruth,
): number | null {
  const reviewed = judgeLabelled.filter((trace) => trace.consensus?.kept === true);
  if (reviewed.length === 0) return null;
  return reviewed.filter((trace) => trace.firstError === truth(trace).firstError).length / reviewed.length;
}
