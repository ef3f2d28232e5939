import { stepScore, type BackendName, type StepHead } from '@vlprm/native-cuda';
import { fitTemperature } from './calibration.ts';
import { auroc } from './evaluation/ranking.ts';
import { expectedCalibrationError } from './evaluation/calibration-error.ts';
import { errorDetection } from './evaluation/error-detection.ts';
import type { TrainOptions } from './options.ts';
import type { TraceRows, TrainingRow } from './rows.ts';
import { expectedF1Threshold, falseAlarmThreshold } from './thresholds.ts';

/** What is read off the validation split: calibration, thresholds and how well the head does there. */
export interface ValidationReading {
  readonly temperature: number;
  readonly threshold: { readonly value: number; readonly chosenOn: string };
  readonly gateThreshold: { readonly value: number; readonly falseAlarmRate: number; readonly chosenOn: string } | null;
  readonly metrics: Readonly<Record<string, number | null>>;
}

export interface ValidationInput {
  /** [rows × width] raw features. */
  readonly features: Float32Array;
  readonly width: number;
  readonly head: StepHead;
  readonly traces: readonly TraceRows[];
  readonly gateFalseAlarmRate: TrainOptions['gateFalseAlarmRate'];
  readonly backend?: BackendName;
}

const CHOSEN_ON = 'validation split, own labels';

/**
 * Reads temperature and thresholds off the steps of the validation split that have a label of their own; the scene is
 * not known to whoever trains. Without a wrong step there the threshold stays at 0.5, and says so.
 */
export function readValidation(input: ValidationInput): ValidationReading {
  const labelled = input.traces.flatMap(({ rows }) => rows.filter(({ role }) => role === 'step'));
  const logits = scoreRows(input, labelled, 1).logit;
  const targets = Float32Array.from(labelled, ({ target }) => target);
  const temperature = fitTemperature({ logits, targets });
  const probabilities = scoreRows(input, labelled, temperature).probability;
  const chosen = targets.includes(0) ? expectedF1Threshold(probabilities) : null;
  const threshold =
    chosen === null
      ? { value: 0.5, chosenOn: 'default: no wrong step in the validation split' }
      : { value: chosen.value, chosenOn: `${CHOSEN_ON}, best expected F1 of wrong steps` };
  return {
    temperature,
    threshold,
    gateThreshold: gateThreshold(input, temperature),
    metrics: validationMetrics(labelled, probabilities, threshold.value),
  };
}

function scoreRows(
  { features, width, head, backend }: ValidationInput,
  rows: readonly TrainingRow[],
  temperature: number,
) {
  const positions = Int32Array.from(rows, ({ row }) => row);
  return stepScore(
    { hidden: features, dtype: 'f32', width, positions, head, temperature },
    backend === undefined ? {} : { backend },
  );
}

function gateThreshold(input: ValidationInput, temperature: number): ValidationReading['gateThreshold'] {
  const traces = input.traces
    .filter(({ clean }) => clean)
    .map(({ rows }) => rows.filter(({ role, kind }) => role === 'step' && kind === 'perception'))
    .filter((rows) => rows.length > 0)
    .map((rows) => scoreRows(input, rows, temperature).probability);
  const value = falseAlarmThreshold(traces, input.gateFalseAlarmRate);
  return value === null
    ? null
    : { value, falseAlarmRate: input.gateFalseAlarmRate, chosenOn: `${CHOSEN_ON}, expected rate over clean traces` };
}

function validationMetrics(
  rows: readonly TrainingRow[],
  probabilities: Float32Array,
  threshold: number,
): Record<string, number | null> {
  const scored = rows.map(({ target, kind }, i) => ({ p: probabilities[i]!, right: target === 1, kind }));
  const f1 = (kind: TrainingRow['kind']): number | null =>
    errorDetection(
      scored.filter((step) => step.kind === kind),
      threshold,
    ).f1;
  return {
    validationSteps: rows.length,
    validationErrors: rows.filter(({ target }) => target === 0).length,
    validationPerceptionF1: f1('perception'),
    validationReasoningF1: f1('reasoning'),
    validationAuroc: auroc(scored),
    validationEce: expectedCalibrationError(scored),
  };
}
