import type { StepKind } from '@vlprm/core/records';
import { bootstrapMean, bootstrapTotals } from '@vlprm/core/statistics';
import { VlprmError } from '@vlprm/core/runtime';
import { LABEL_RULES, type LabelRow, type LabelRule, type Report } from './report-schema.ts';

/** What one rule says about one trace: kept or not, and its first error as a flat 0-based index. */
export interface RuleVerdict {
  readonly kept: boolean;
  readonly firstError: number | null;
  /** What the rule says of each step by that step's own evidence; null where a rule only says when things went wrong. */
  readonly ownWrong: readonly boolean[] | null;
}

/** A trace under some rules, beside the truth of the scene. */
export interface JudgedTrace<Rule extends string = LabelRule> {
  /** Unit of resampling. */
  readonly groupId: string;
  readonly kinds: readonly (StepKind | null)[];
  /** First step that is wrong by the scene, null for none. */
  readonly trueFirstError: number | null;
  readonly verdicts: Readonly<Record<Rule, RuleVerdict>>;
}

/** Cumulative reading: a step is wrong from the first error on. */
export function isWrong(firstError: number | null, step: number): boolean {
  return firstError !== null && step >= firstError;
}

/** F1 of the class *wrong* from counts; null when neither truth nor labels hold a wrong step. */
export function errorF1(hits: number, falseAlarms: number, misses: number): number | null {
  const denominator = 2 * hits + falseAlarms + misses;
  return denominator === 0 ? null : (2 * hits) / denominator;
}

interface Confusion {
  steps: number;
  agreeing: number;
  hits: number;
  falseAlarms: number;
  misses: number;
}

function confusion(
  trace: JudgedTrace<never>,
  saysWrong: (step: number) => boolean,
  counts: (kind: StepKind | null, step: number) => boolean,
): Confusion {
  const total: Confusion = { steps: 0, agreeing: 0, hits: 0, falseAlarms: 0, misses: 0 };
  trace.kinds.forEach((kind, step) => {
    if (!counts(kind, step)) return;
    const said = saysWrong(step);
    const truth = isWrong(trace.trueFirstError, step);
    total.steps += 1;
    if (said === truth) total.agreeing += 1;
    if (said && truth) total.hits += 1;
    if (said && !truth) total.falseAlarms += 1;
    if (!said && truth) total.misses += 1;
  });
  return total;
}

/** The reading of a rule's labels of one trace: wrong or not at a step. */
type Reading = (verdict: RuleVerdict, step: number) => boolean;

const cumulative: Reading = ({ firstError }, step) => isWrong(firstError, step);
const byOwnEvidence: Reading = (verdict, step) => verdict.ownWrong?.[step] ?? cumulative(verdict, step);

function f1Over<Rule extends string>(
  traces: readonly JudgedTrace<Rule>[],
  rule: Rule,
  reading: Reading,
  counts: (trace: JudgedTrace<Rule>, kind: StepKind | null, step: number) => boolean,
): number | null {
  const sum = { hits: 0, falseAlarms: 0, misses: 0 };
  for (const trace of traces) {
    const part = confusion(
      trace,
      (step) => reading(trace.verdicts[rule], step),
      (kind, step) => counts(trace, kind, step),
    );
    sum.hits += part.hits;
    sum.falseAlarms += part.falseAlarms;
    sum.misses += part.misses;
  }
  return errorF1(sum.hits, sum.falseAlarms, sum.misses);
}

/** True while everything before the step is right by the scene. */
function prefixIsRight(trace: JudgedTrace<never>, step: number): boolean {
  return trace.trueFirstError === null || step <= trace.trueFirstError;
}

/** One rule against cumulative truth on all steps of the traces that it kept. Intervals resample groups. */
export function labelRow<Rule extends string>(
  traces: readonly JudgedTrace<Rule>[],
  rule: Rule,
  seed: number,
): LabelRow {
  const kept = traces.filter((trace) => trace.verdicts[rule].kept);
  const perTrace = kept.map((trace) => {
    const { agreeing, steps } = confusion(
      trace,
      (step) => cumulative(trace.verdicts[rule], step),
      () => true,
    );
    return [agreeing, steps];
  });
  const accuracy =
    kept.length === 0
      ? null
      : bootstrapTotals(
          perTrace,
          kept.map((trace) => trace.groupId),
          (totals) => (totals[0] as number) / (totals[1] as number),
          { seed },
        );
  return {
    kept: kept.length,
    dropped: traces.length - kept.length,
    coverage: traces.length === 0 ? null : kept.length / traces.length,
    stepAccuracy: accuracy?.value ?? null,
    stepAccuracyCi95: accuracy === null ? null : [accuracy.low, accuracy.high],
    perceptionF1: f1Over(kept, rule, cumulative, (_, kind) => kind === 'perception'),
    reasoningF1: f1Over(kept, rule, cumulative, (_, kind) => kind === 'reasoning'),
    errorF1: f1Over(kept, rule, cumulative, () => true),
    firstError: {
      perceptionF1: f1Over(
        kept,
        rule,
        byOwnEvidence,
        (trace, kind, step) => kind === 'perception' && prefixIsRight(trace, step),
      ),
      reasoningF1: f1Over(
        kept,
        rule,
        byOwnEvidence,
        (trace, kind, step) => kind === 'reasoning' && prefixIsRight(trace, step),
      ),
    },
  };
}

interface CommonStep {
  readonly groupId: string;
  readonly agrees: Readonly<Record<LabelRule, number>>;
}

function commonSteps(traces: readonly JudgedTrace[]): CommonStep[] {
  return traces.flatMap((trace) =>
    trace.kinds.map((_, step) => ({
      groupId: trace.groupId,
      agrees: byRule((rule) =>
        Number(isWrong(trace.verdicts[rule].firstError, step) === isWrong(trace.trueFirstError, step)),
      ),
    })),
  );
}

function byRule<T>(value: (rule: LabelRule) => T): Record<LabelRule, T> {
  return Object.fromEntries(LABEL_RULES.map((rule) => [rule, value(rule)])) as Record<LabelRule, T>;
}

/**
 * All rules on the steps of the traces that every rule kept, and what hybrid gains on them.
 * @throws ERR_DATASET_INVALID when no trace was kept by all rules
 */
export function commonQuality(traces: readonly JudgedTrace[], seed: number): Report['synthesis']['common'] {
  const shared = traces.filter((trace) => LABEL_RULES.every((rule) => trace.verdicts[rule].kept));
  const steps = commonSteps(shared);
  if (steps.length === 0) {
    throw new VlprmError(
      'ERR_DATASET_INVALID',
      'no trace was kept by every label rule, so there is nothing to compare',
      {
        fix: 'synthesize more problems',
      },
    );
  }
  const groups = steps.map((step) => step.groupId);
  const gain = (other: LabelRule): [number, number] => {
    const { low, high } = bootstrapMean(
      steps.map((step) => step.agrees.hybrid - step.agrees[other]),
      groups,
      { seed },
    );
    return [low, high];
  };
  return {
    traces: shared.length,
    steps: steps.length,
    accuracy: byRule((rule) => steps.reduce((sum, step) => sum + step.agrees[rule], 0) / steps.length),
    hybridMinusMc0Ci95: gain('mc0'),
    hybridMinusMc50Ci95: gain('mc50'),
    hybridMinusJudgeCi95: gain('judge'),
  };
}

/** Every rule's row. */
export function labelRows(traces: readonly JudgedTrace[], seed: number): Record<LabelRule, LabelRow> {
  return byRule((rule) => labelRow(traces, rule, seed));
}
