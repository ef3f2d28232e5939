import type { StepValue, Trace } from '@vlprm/core/records';
import { relabel, resolveRule } from '@vlprm/data/consensus';
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

/** Rules whose only evidence is a step's rollouts. */
const ROLLOUT_RULES: ReadonlySet<LabelRule> = new Set(['mc0', 'mc50']);

function failsOften(value: StepValue | null, threshold: number): boolean {
  if (value === null) return false;
  const completed = value.correct + value.incorrect + value.unparsable;
  return completed > 0 && value.correct <= threshold * completed;
}

function verdictOf(trace: Trace, rule: LabelRule): RuleVerdict {
  const threshold = resolveRule(rule).threshold ?? 0;
  return {
    kept: trace.consensus?.kept === true,
    firstError: trace.firstError,
    ownWrong: ROLLOUT_RULES.has(rule) ? trace.steps.map((step) => failsOften(step.mc, threshold)) : null,
  };
}

/** Every trace with what each rule says, beside its truth. */
export function judgeTraces(relabelled: RelabelledTraces, truth: (trace: Trace) => TraceTruth): JudgedTrace[] {
  return relabelled.hybrid.map((trace, i) => ({
    groupId: trace.groupId,
    kinds: trace.steps.map((step) => step.kind),
    trueFirstError: truth(trace).firstError,
    verdicts: Object.fromEntries(
      LABEL_RULES.map((rule) => [rule, verdictOf(relabelled[rule][i] ?? trace, rule)]),
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
