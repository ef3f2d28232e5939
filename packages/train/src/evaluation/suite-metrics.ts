import type { StepKind } from '@vlprm/core/records';
import { binOf, CALIBRATION_BINS } from './calibration-error.ts';
import { f1Of, ratio } from './error-detection.ts';
import type { ScoredItem } from './evaluation-item.ts';
import type { ScoredStep } from './scored-step.ts';

type Totals = readonly number[];

/** A metric that depends on a set of items through sums alone. */
export interface CountMetric {
  readonly name: string;
  /** What an item adds to the sums; as many numbers for every item. */
  readonly columns: (item: ScoredItem, threshold: number) => number[];
  /** Null where it is not defined. */
  readonly value: (totals: Totals) => number | null;
}

/** Steps of an item whose truth is known; neutral and unlabelled steps contribute to nothing. */
export function labelledSteps({ steps, scores }: ScoredItem): ScoredStep[] {
  return steps.flatMap(({ kind, label }, i) =>
    label === 1 || label === -1 ? [{ p: scores[i]!, right: label === 1, kind }] : [],
  );
}

/** [hits, falseAlarms, misses, passes] with *incorrect* as the positive class. */
function confusionColumns(steps: readonly ScoredStep[], threshold: number): number[] {
  const counts = [0, 0, 0, 0];
  for (const { p, right } of steps) counts[(p < threshold ? 0 : 2) + Number(right)]!++;
  return counts;
}

const stepColumns: CountMetric['columns'] = (item, threshold) => confusionColumns(labelledSteps(item), threshold);

const f1Wrong = ([hits, falseAlarms, misses]: readonly number[]): number | null => f1Of(hits!, falseAlarms!, misses!);
const f1Correct = ([, falseAlarms, misses, passes]: readonly number[]): number | null =>
  f1Of(passes!, misses!, falseAlarms!);

function mean(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : (a + b) / 2;
}

/** F1 of the right steps, of the wrong steps, and their mean (VisualProcessBench, arXiv 2503.10291). */
export const F1_METRICS: readonly CountMetric[] = [
  { name: 'macroF1', columns: stepColumns, value: (t) => mean(f1Correct(t), f1Wrong(t)) },
  { name: 'f1Correct', columns: stepColumns, value: f1Correct },
  { name: 'f1Wrong', columns: stepColumns, value: f1Wrong },
];

/** Precision, recall and F1 of the wrong steps of one kind. */
function kindMetrics(kind: StepKind): CountMetric[] {
  const columns: CountMetric['columns'] = (item, threshold) =>
    confusionColumns(
      labelledSteps(item).filter((step) => step.kind === kind),
      threshold,
    );
  return [
    { name: `${kind}F1`, columns, value: f1Wrong },
    { name: `${kind}Precision`, columns, value: ([hits, falseAlarms]) => ratio(hits!, hits! + falseAlarms!) },
    { name: `${kind}Recall`, columns, value: ([hits, , misses]) => ratio(hits!, hits! + misses!) },
  ];
}

export const KIND_METRICS: readonly CountMetric[] = [...kindMetrics('perception'), ...kindMetrics('reasoning')];

function calibrationColumns(item: ScoredItem): number[] {
  const columns = new Array<number>(3 * CALIBRATION_BINS).fill(0);
  for (const { p, right } of labelledSteps(item)) {
    const bin = binOf(p);
    columns[bin]!++;
    columns[CALIBRATION_BINS + bin]! += p;
    columns[2 * CALIBRATION_BINS + bin]! += Number(right);
  }
  return columns;
}

function calibrationError(totals: Totals): number | null {
  let [steps, error] = [0, 0];
  for (let bin = 0; bin < CALIBRATION_BINS; bin++) {
    steps += totals[bin]!;
    error += Math.abs(totals[CALIBRATION_BINS + bin]! - totals[2 * CALIBRATION_BINS + bin]!);
  }
  return ratio(error, steps);
}

/** Expected calibration error (15 equally wide bins) and Brier score of p = P(right). */
export const CALIBRATION_METRICS: readonly CountMetric[] = [
  { name: 'ece', columns: calibrationColumns, value: calibrationError },
  {
    name: 'brier',
    columns: (item) => {
      const steps = labelledSteps(item);
      return [steps.reduce((sum, { p, right }) => sum + (p - Number(right)) ** 2, 0), steps.length];
    },
    value: ([sum, steps]) => ratio(sum!, steps!),
  },
];

/** First step called wrong, null when none is; steps that are neutral say nothing. */
export function predictedFirstError({ steps, scores }: ScoredItem, threshold: number): number | null {
  const first = scores.findIndex((p, i) => p < threshold && steps[i]!.label !== 0);
  return first < 0 ? null : first;
}

/** [items with an error, located exactly, items without, passed whole]; an item of unknown first error adds nothing. */
function locationColumns(item: ScoredItem, threshold: number): number[] {
  if (item.firstError === undefined) return [0, 0, 0, 0];
  const exact = Number(predictedFirstError(item, threshold) === item.firstError);
  return item.firstError === null ? [0, 0, 1, exact] : [1, exact, 0, 0];
}

function harmonicMean(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return null;
  return a + b === 0 ? 0 : (2 * a * b) / (a + b);
}

/** Share of items whose first error (or its absence) is named exactly. */
export const FIRST_ERROR_METRICS: readonly CountMetric[] = [
  {
    name: 'firstErrorAccuracy',
    columns: locationColumns,
    value: ([wrong, located, clean, passed]) => ratio(located! + passed!, wrong! + clean!),
  },
];

/** Accuracy on items with an error, on items without, and their harmonic mean (ProcessBench, arXiv 2412.06559). */
export const PROCESS_BENCH_METRICS: readonly CountMetric[] = [
  {
    name: 'f1',
    columns: locationColumns,
    value: ([wrong, located, clean, passed]) => harmonicMean(ratio(located!, wrong!), ratio(passed!, clean!)),
  },
  { name: 'accuracyError', columns: locationColumns, value: ([wrong, located]) => ratio(located!, wrong!) },
  { name: 'accuracyCorrect', columns: locationColumns, value: ([, , clean, passed]) => ratio(passed!, clean!) },
];
