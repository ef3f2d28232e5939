import type { LabelSemantics, StepKind, Trace, TraceStep } from '@vlprm/core/records';
import { createRandom, seedFrom, sha256, VlprmError } from '@vlprm/core/runtime';
import type { TraceFeatures } from './features.ts';
import type { TrainOptions } from './options.ts';

/**
 * What a row is: a labelled step, a step after the first error (first-error semantics; it has no label of its own), or
 * the whole solution as one step.
 */
export type RowRole = 'step' | 'after-error' | 'solution';

/** One row of the loss. */
export interface TrainingRow {
  /** Row of the feature matrix. */
  readonly row: number;
  readonly role: RowRole;
  readonly kind: StepKind | null;
  /** 1 right, 0 wrong. */
  readonly target: 0 | 1;
  /** > 0. */
  readonly weight: number;
}

/** The rows of one trace. */
export interface TraceRows {
  readonly traceId: string;
  readonly groupId: string;
  readonly rows: readonly TrainingRow[];
  /** True when nothing speaks against the trace: no label, and no rollouts of which most went wrong. */
  readonly clean: boolean;
}

export type RowWeights = Pick<
  TrainOptions,
  'perceptionWeight' | 'reasoningWeight' | 'postErrorWeight' | 'solutionWeight'
>;

/** What the labels of a trace mean; labels without a consensus record stand each for its own step. */
export function semanticsOf(trace: Trace): LabelSemantics {
  return trace.consensus?.semantics ?? 'local';
}

/** True unless consensus dropped the trace. */
export function isKept(trace: Trace): boolean {
  return trace.consensus?.kept !== false;
}

function kindWeight(kind: StepKind | null, weights: RowWeights): number {
  if (kind === 'perception') return weights.perceptionWeight;
  return kind === 'reasoning' ? weights.reasoningWeight : 1;
}

/** True unless most of the rollouts from behind a step, of those that came to an end, missed the answer. */
function rolloutsAgree({ mc }: TraceStep): boolean {
  return mc === null || mc.correct >= mc.incorrect + mc.unparsable;
}

/**
 * Rows of one trace. A label of 1 or -1 is a target; 0 (neutral) and null give no row. Under first-error semantics the
 * steps after the first error are targets of 0 with `postErrorWeight`: once wrong, a solution stays wrong. The whole
 * solution is right when no step is wrong, wrong when one is, and no row when that is open. Rows of weight 0 are left out.
 */
export function traceRows(trace: Trace, firstRow: number, weights: RowWeights): TraceRows {
  const rows: TrainingRow[] = [];
  const add = (row: number, role: RowRole, kind: StepKind | null, target: 0 | 1, weight: number): void => {
    if (weight > 0) rows.push({ row, role, kind, target, weight });
  };
  const firstWrong = trace.steps.findIndex(({ label }) => label === -1);
  const afterErrors = semanticsOf(trace) === 'first-error' && firstWrong >= 0;
  trace.steps.forEach(({ label, kind }, step) => {
    const own = kindWeight(kind, weights);
    if (label === 1 || label === -1) add(firstRow + step, 'step', kind, label === 1 ? 1 : 0, own);
    else if (afterErrors && step > firstWrong)
      add(firstRow + step, 'after-error', kind, 0, own * weights.postErrorWeight);
  });
  const open = firstWrong < 0 && trace.steps.some(({ label }) => label === null);
  if (!open) add(firstRow + trace.steps.length, 'solution', null, firstWrong < 0 ? 1 : 0, weights.solutionWeight);
  return {
    traceId: trace.id,
    groupId: trace.groupId,
    rows,
    clean: firstWrong < 0 && !open && trace.steps.every(rolloutsAgree),
  };
}

/** Rows of the traces that are kept. ERR_DATASET_INVALID for a trace whose features were not read. */
export function assembleRows(traces: readonly Trace[], features: TraceFeatures, weights: RowWeights): TraceRows[] {
  return traces.filter(isKept).map((trace) => {
    const first = features.firstRow.get(trace.id);
    if (first !== undefined) return traceRows(trace, first, weights);
    throw new VlprmError('ERR_DATASET_INVALID', 'the features of this trace were not read', {
      where: `trace ${trace.id}`,
    });
  });
}

/** True when a group belongs to validation; a group is never on both sides, and more traces do not move it. */
export function isValidationGroup(groupId: string, seed: number, share: number): boolean {
  return Number.parseInt(sha256(`validation ${seed} ${groupId}`).slice(0, 8), 16) / 2 ** 32 < share;
}

export interface Split {
  readonly training: readonly TraceRows[];
  readonly validation: readonly TraceRows[];
}

/** Splits by group. */
export function splitByGroup(traces: readonly TraceRows[], seed: number, share: number): Split {
  const held = (trace: TraceRows): boolean => isValidationGroup(trace.groupId, seed, share);
  return { training: traces.filter((trace) => !held(trace)), validation: traces.filter(held) };
}

const isStep = ({ role }: TrainingRow): boolean => role !== 'solution';

/** Steps that count in the loss; whole solutions are counted apart. */
export function countSupervisedSteps(traces: readonly TraceRows[]): number {
  return traces.reduce((sum, { rows }) => sum + rows.filter(isStep).length, 0);
}

/**
 * Cuts training rows to exactly `limit` supervised steps: traces in an order shuffled by the seed, the last one cut and
 * without its solution row. ERR_RANGE when there are fewer.
 */
export function limitSupervisedSteps(traces: readonly TraceRows[], limit: number, seed: number): TraceRows[] {
  const available = countSupervisedSteps(traces);
  if (available < limit) {
    throw new VlprmError('ERR_RANGE', `${available} supervised steps, ${limit} are asked for`, {
      where: 'limitSupervisedSteps',
      fix: 'ask for fewer steps, or label more traces',
    });
  }
  const limited: TraceRows[] = [];
  let missing = limit;
  for (const trace of createRandom(seedFrom('limit', seed)).shuffle(traces)) {
    if (missing === 0) break;
    const steps = trace.rows.filter(isStep);
    const rows = steps.length <= missing ? trace.rows : steps.slice(0, missing);
    missing -= Math.min(missing, steps.length);
    limited.push({ ...trace, rows });
  }
  return limited;
}

/** Scales the weights so that right and wrong rows weigh the same in total; the total stays. Steps and solutions apart. */
export function balanceClasses(rows: readonly TrainingRow[]): TrainingRow[] {
  const groups = [rows.filter(isStep), rows.filter((row) => !isStep(row))];
  return groups.flatMap((group) => {
    const weightOf = (target: 0 | 1): number =>
      group.reduce((sum, row) => sum + (row.target === target ? row.weight : 0), 0);
    const totals = [weightOf(0), weightOf(1)] as const;
    if (totals[0] === 0 || totals[1] === 0) return group;
    const half = (totals[0] + totals[1]) / 2;
    return group.map((row) => ({ ...row, weight: (row.weight * half) / totals[row.target] }));
  });
}
