import type { StepKind, StepLabel, Trace } from '@vlprm/core/records';
import { z } from 'zod';
import { PREDICTION_SCHEMA, predictionSchema } from '@vlprm/core/records';
import { parseRecord, VlprmError } from '@vlprm/core/runtime';

/** A solution with the truth about its steps, as a suite asks about it. */
export interface EvaluationItem {
  /** Names under which a prediction may speak of it, the best first. */
  readonly ids: readonly string[];
  /** Data source, for the breakdown. */
  readonly source: string;
  /** Unit of resampling: solutions of one problem stay together. */
  readonly groupId: string;
  readonly steps: readonly { readonly kind: StepKind | null; readonly label: StepLabel }[];
  /** Flat 0-based index of the first wrong step, null when there is none, undefined when that is not known. */
  readonly firstError: number | null | undefined;
}

/** An item with the score of each of its steps. */
export interface ScoredItem extends EvaluationItem {
  /** [steps] probability that the step is right. */
  readonly scores: readonly number[];
}

/** The first wrong step that the labels tell of: undefined when a step before it, or any at all, is not labelled. */
function labelledFirstError(labels: readonly StepLabel[]): number | null | undefined {
  const open = labels.indexOf(null);
  const wrong = labels.indexOf(-1);
  if (wrong < 0) return open < 0 ? null : undefined;
  return open >= 0 && open < wrong ? undefined : wrong;
}

/**
 * Items of canonical traces. A prediction may name a trace by the id that it had where it comes from
 * (`provenance.sourceId`), by its own id, or by its 0-based row.
 */
export function itemsFromTraces(traces: readonly Trace[]): EvaluationItem[] {
  return traces.map((trace, row) => {
    const { sourceId } = trace.provenance as { sourceId?: unknown };
    const given = typeof sourceId === 'string' || typeof sourceId === 'number' ? [String(sourceId)] : [];
    return {
      ids: [...given, trace.id, String(row)],
      source: trace.provenance.source,
      groupId: trace.groupId,
      steps: trace.steps.map(({ kind, label }) => ({ kind, label })),
      firstError: labelledFirstError(trace.steps.map(({ label }) => label)),
    };
  });
}

const scoreRowSchema = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  scores: z.array(z.number().min(0).max(1)),
});

/** A parsed JSON row of a predictions file with the place it comes from. */
export interface PredictionRow {
  readonly value: unknown;
  readonly where: string;
}

/**
 * Scores by id from predictions rows: `{"id", "scores"}`, or `vlprm.prediction/1` with one row a step.
 * ERR_FILE_MALFORMED for a malformed row, a score outside [0, 1] or an id twice; ERR_STEP_COUNT for a gap in the steps.
 */
export function scoresById(rows: readonly PredictionRow[]): Map<string, readonly number[]> {
  const whole = new Map<string, readonly number[]>();
  const stepwise = new Map<string, Map<number, number>>();
  for (const { value, where } of rows) {
    if (isStepRow(value)) {
      const { traceId, step, p } = parseRecord(predictionSchema, value, where);
      const steps = stepwise.get(traceId) ?? new Map<number, number>();
      if (steps.has(step)) throw twice(`step ${step} of ${traceId}`, where);
      stepwise.set(traceId, steps.set(step, p));
    } else {
      const { id, scores } = parseRecord(scoreRowSchema, value, where);
      if (whole.has(id)) throw twice(id, where);
      whole.set(id, scores);
    }
  }
  for (const [id, steps] of stepwise) whole.set(id, inOrder(id, steps));
  return whole;
}

function isStepRow(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'schema' in value && value.schema === PREDICTION_SCHEMA;
}

function twice(what: string, where: string): VlprmError {
  return new VlprmError('ERR_FILE_MALFORMED', `${what} is predicted twice`, {
    where,
    fix: 'leave one of the rows out',
  });
}

function inOrder(id: string, steps: ReadonlyMap<number, number>): number[] {
  return Array.from({ length: steps.size }, (_, step) => {
    const p = steps.get(step);
    if (p !== undefined) return p;
    throw new VlprmError('ERR_STEP_COUNT', `${steps.size} steps are predicted, but not step ${step}`, {
      where: `predictions of ${id}`,
      fix: 'predict every step',
    });
  });
}

/**
 * Joins items with their scores. A prediction that is missing, or that belongs to no item, is ERR_DATASET_INVALID; a
 * number of scores other than that of the steps is ERR_STEP_COUNT: nothing is cut to fit.
 */
export function joinScores(
  items: readonly EvaluationItem[],
  scores: ReadonlyMap<string, readonly number[]>,
): ScoredItem[] {
  const owner = ownersOfNames(items);
  const found = new Map<number, readonly number[]>();
  for (const [id, own] of scores) {
    const index = owner.get(id);
    if (index === undefined) throw unmatched(`the prediction of ${id} belongs to no row of the data`);
    if (found.has(index)) throw unmatched(`row ${index} is predicted twice, once as ${id}`);
    found.set(index, own);
  }
  return items.map((item, index) => {
    const own = found.get(index);
    if (own === undefined)
      throw unmatched(
        `${items.length - found.size} of ${items.length} rows have no prediction, first ${item.ids[0] ?? index}`,
      );
    if (own.length !== item.steps.length) {
      throw new VlprmError('ERR_STEP_COUNT', `${own.length} scores for ${item.steps.length} steps`, {
        where: `predictions of ${item.ids[0] ?? index}`,
        fix: 'give one score a step',
      });
    }
    return { ...item, scores: own };
  });
}

function unmatched(what: string): VlprmError {
  return new VlprmError('ERR_DATASET_INVALID', what, {
    where: 'predictions',
    fix: 'predict every row of the data, by its id',
  });
}

/** Which item each name means; better names (of any item) win over worse ones. */
function ownersOfNames(items: readonly EvaluationItem[]): Map<string, number> {
  const owner = new Map<string, number>();
  const most = Math.max(0, ...items.map(({ ids }) => ids.length));
  for (let back = most; back > 0; back--) {
    items.forEach(({ ids }, index) => {
      const name = ids[ids.length - back];
      if (name !== undefined && !owner.has(name)) owner.set(name, index);
    });
  }
  return owner;
}
