import { NativeError } from '../errors.ts';
import { fields, finite, lengthOf, typedArray } from '../validation.ts';

/** What a row is trained towards, and how much it counts. All arrays are [rows]. */
export interface RowTermsInput {
  /** In [0, 1], 1 = the step is right; or labels as `mcLabels` writes them: 1 right, -1 wrong, 0 no evidence, which masks the row. */
  targets: Float32Array | Int8Array;
  /** ≥ 0. Default: 1. */
  weights?: Float32Array | undefined;
  /** ≥ 0: a row of target t (before smoothing) counts t·positive + (1 - t)·negative times its weight. Default: 1 and 1. */
  classWeights?: { positive: number; negative: number } | undefined;
  /** Index into `kindWeights`, by which the row's weight is multiplied. Both or neither. */
  kinds?: Uint8Array | undefined;
  /** ≥ 0. */
  kindWeights?: Float32Array | undefined;
}

/** Target in [0, 1] and effective weight of one row; weight 0 masks it. */
interface RowTerm {
  readonly target: number;
  readonly weight: number;
}

const MASKED: RowTerm = { target: 0, weight: 0 };

function checkedWeight(weight: number, where: string): number {
  if (weight >= 0 && weight < Infinity) return weight;
  throw new NativeError(
    'ERR_VLPRM_RANGE',
    where,
    `${weight} is no finite weight ≥ 0`,
    'use 0 to mask what it belongs to',
  );
}

type Weigher = (row: number) => number;

function kindWeigher({ kinds, kindWeights }: RowTermsInput, rows: number, where: string): Weigher {
  if (kinds === undefined && kindWeights === undefined) return () => 1;
  if (kinds === undefined || kindWeights === undefined) {
    throw new NativeError('ERR_VLPRM_TYPE', where, 'needs both of kinds and kindWeights or neither', 'pass both');
  }
  const checked = typedArray(kinds, Uint8Array, `${where}.kinds`);
  lengthOf(checked, rows, `${where}.kinds`, `${rows} rows`);
  const table = typedArray(kindWeights, Float32Array, `${where}.kindWeights`);
  table.forEach((weight, kind) => checkedWeight(weight, `${where}.kindWeights[${kind}]`));
  return (row) => {
    const kind = checked[row] as number;
    const weight = table[kind];
    if (weight !== undefined) return weight;
    throw new NativeError(
      'ERR_VLPRM_RANGE',
      `${where}.kinds[${row}]`,
      `${kind} has no weight among ${table.length}`,
      'give every kind a weight',
    );
  };
}

function rowWeigher(input: RowTermsInput, rows: number, where: string): Weigher {
  const ofKind = kindWeigher(input, rows, where);
  if (input.weights === undefined) return ofKind;
  const weights = typedArray(input.weights, Float32Array, `${where}.weights`);
  lengthOf(weights, rows, `${where}.weights`, `${rows} rows`);
  return (row) => checkedWeight(weights[row] as number, `${where}.weights[${row}]`) * ofKind(row);
}

type Targets = (row: number) => number | null;

function softTargets(targets: Float32Array, where: string): Targets {
  return (row) => {
    const target = targets[row] as number;
    if (target >= 0 && target <= 1) return target;
    throw new NativeError(
      'ERR_VLPRM_RANGE',
      `${where}[${row}]`,
      `${target} is not in [0, 1]`,
      'give the row weight 0 if it has no label',
    );
  };
}

function labelTargets(labels: Int8Array, where: string): Targets {
  return (row) => {
    const label = labels[row] as number;
    if (label === 0) return null;
    if (label === 1 || label === -1) return label === 1 ? 1 : 0;
    throw new NativeError(
      'ERR_VLPRM_RANGE',
      `${where}[${row}]`,
      `${label} is none of the labels 1, -1 and 0`,
      'pass labels as mcLabels writes them',
    );
  };
}

function rowTargets(targets: unknown, rows: number, where: string): Targets {
  const labels = targets instanceof Int8Array;
  const checked = labels ? typedArray(targets, Int8Array, where) : typedArray(targets, Float32Array, where);
  lengthOf(checked, rows, where, `${rows} rows`);
  return labels ? labelTargets(checked as Int8Array, where) : softTargets(checked as Float32Array, where);
}

/** Checks shapes at once and values as rows are asked for, so that rows outside the minibatch may hold anything. */
export function rowTerms(input: RowTermsInput, rows: number, where: string): (row: number) => RowTerm {
  const weightOf = rowWeigher(input, rows, where);
  const targetOf = rowTargets(input.targets, rows, `${where}.targets`);
  const classes = fields(input.classWeights ?? { positive: 1, negative: 1 }, `${where}.classWeights`);
  const range = { minimum: 0, maximum: 1e6 };
  const positive = finite(classes.positive, range, `${where}.classWeights.positive`);
  const negative = finite(classes.negative, range, `${where}.classWeights.negative`);
  return (row) => {
    const weight = weightOf(row);
    const target = weight === 0 ? null : targetOf(row);
    if (target === null) return MASKED;
    return { target, weight: weight * (target * positive + (1 - target) * negative) };
  };
}
