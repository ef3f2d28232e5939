import type { PrmBundle, StepKind } from '@vlprm/core/records';
import { bootstrapTotals } from '@vlprm/core/statistics';
import {
  auprc,
  auroc,
  brierScore,
  errorDetection,
  expectedCalibrationError,
  reliabilityBins,
} from '@vlprm/train/evaluation';
import type { PrmRow, StepErrorMetrics } from './report-schema.ts';

/** A step of a test solution that counts: everything before it is right by the scene. */
export interface CountedStep {
  /** Probability in [0, 1] that the step is right. */
  readonly p: number;
  readonly right: boolean;
  readonly kind: StepKind | null;
  /** Unit of resampling. */
  readonly groupId: string;
  readonly family: string;
}

/** A solution scored by a PRM, with its first wrong step by the scene. */
export interface ScoredTrace {
  readonly probabilities: ArrayLike<number>;
  readonly kinds: readonly (StepKind | null)[];
  readonly trueFirstError: number | null;
  readonly groupId: string;
  readonly family: string;
}

/** The first-error protocol: steps up to and including the first wrong one. */
export function countedSteps(traces: readonly ScoredTrace[]): CountedStep[] {
  return traces.flatMap(({ probabilities, kinds, trueFirstError, groupId, family }) =>
    kinds.slice(0, trueFirstError === null ? undefined : trueFirstError + 1).map((kind, step) => ({
      p: probabilities[step] as number,
      right: step !== trueFirstError,
      kind,
      groupId,
      family,
    })),
  );
}

/** [hits, false alarms, misses] of one step, for sums over resampled groups. */
function outcomeOf({ p, right }: CountedStep, threshold: number): [number, number, number] {
  const called = p < threshold;
  return [Number(called && !right), Number(called && right), Number(!called && !right)];
}

function f1Interval(steps: readonly CountedStep[], threshold: number, seed: number): [number, number] | null {
  if (steps.every((step) => step.right)) return null;
  const { low, high } = bootstrapTotals(
    steps.map((step) => outcomeOf(step, threshold)),
    steps.map((step) => step.groupId),
    (totals) => {
      const [hits, falseAlarms, misses] = totals as unknown as [number, number, number];
      return (2 * hits) / (2 * hits + falseAlarms + misses);
    },
    { seed },
  );
  return [low, high];
}

/** How well the wrong steps among these are found. */
export function stepErrorMetrics(steps: readonly CountedStep[], threshold: number, seed: number): StepErrorMetrics {
  const { precision, recall, f1, errors } = errorDetection(steps, threshold);
  return {
    precision,
    recall,
    f1,
    f1Ci95: f1Interval(steps, threshold, seed),
    auroc: auroc(steps),
    auprc: auprc(steps),
    steps: steps.length,
    errors,
  };
}

function byKind(
  steps: readonly CountedStep[],
  threshold: number,
  seed: number,
): Pick<PrmRow, 'perception' | 'reasoning'> {
  const metricsOf = (kind: StepKind): StepErrorMetrics =>
    stepErrorMetrics(
      steps.filter((step) => step.kind === kind),
      threshold,
      seed,
    );
  return { perception: metricsOf('perception'), reasoning: metricsOf('reasoning') };
}

/** Share of traces whose first step below the threshold, or the absence of one, is the truth. */
export function firstErrorAccuracy(traces: readonly ScoredTrace[], threshold: number): number | null {
  if (traces.length === 0) return null;
  const exact = traces.filter(({ probabilities, kinds, trueFirstError }) => {
    const called = kinds.findIndex((_, step) => (probabilities[step] as number) < threshold);
    return (called < 0 ? null : called) === trueFirstError;
  });
  return exact.length / traces.length;
}

/** A PRM's row of the report on scored test solutions, at the threshold of its bundle. */
export function prmRow(traces: readonly ScoredTrace[], bundle: PrmBundle, seed: number): PrmRow {
  const threshold = bundle.threshold.value;
  const steps = countedSteps(traces);
  const families = [...new Set(steps.map((step) => step.family))].sort();
  return {
    ...byKind(steps, threshold, seed),
    ece: expectedCalibrationError(steps),
    brier: brierScore(steps),
    threshold,
    thresholdChosenOn: bundle.threshold.chosenOn,
    gateThreshold: bundle.gateThreshold?.value ?? null,
    temperature: bundle.temperature,
    supervisedSteps: bundle.supervisedSteps,
    firstErrorAccuracy: firstErrorAccuracy(traces, threshold),
    reliability: reliabilityBins(steps).map(({ low, high, steps: count, confidence, accuracy }) => ({
      lower: low,
      upper: high,
      count,
      predicted: confidence,
      observed: accuracy,
    })),
    families: Object.fromEntries(
      families.map((family) => [
        family,
        byKind(
          steps.filter((step) => step.family === family),
          threshold,
          seed,
        ),
      ]),
    ),
  };
}
