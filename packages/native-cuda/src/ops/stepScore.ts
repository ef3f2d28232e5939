import type { CallOptions } from '../backends.ts';
import { run, runAsync, type AsyncCallOptions } from '../dispatch.ts';
import { NativeError } from '../errors.ts';
import {
  fields,
  finite,
  indexArray,
  integer,
  lengthOf,
  object,
  oneOf,
  positionsWithin,
  rowsOf,
  segments,
  typedArray,
} from '../validation.ts';
import { HIDDEN_DTYPES, hiddenRows, type HiddenDtype, type HiddenRows } from './hiddenRows.ts';
import { checkedStepHead, type StepHead } from './stepHead.ts';

/** Aggregates of a candidate's step probabilities, in the order in which kernels hold them. */
export const AGGREGATES = ['min', 'mean', 'product', 'last', 'max', 'geometricMean'] as const;
export type AggregateName = (typeof AGGREGATES)[number];

/** P(+) at step ends straight from hidden rows. Exactly one of `labelRows` and `head`. */
export interface StepScoreInput {
  /** [rows × width]; `Uint16Array` carries the bits of bf16 and f16. A DeviceBuffer decides where the op computes. */
  hidden: HiddenRows;
  dtype: HiddenDtype;
  width: number;
  /** [S] row of each step. Default: every row in order. */
  positions?: Int32Array | undefined;
  /** k ≥ 2 rows of the language-model head, `rows` [k × width], row 0 being the positive label; `bias` [k]. */
  labelRows?: { rows: Float32Array; bias?: Float32Array | undefined } | undefined;
  /** Reads f32 rows only. */
  head?: StepHead | undefined;
  /** > 0; label logits are divided by it before the softmax. Default 1. */
  temperature?: number | undefined;
  /** [C + 1] steps of each candidate: ragged, possibly empty, from 0 to S. */
  candidateOffsets?: Int32Array | undefined;
  /** [P + 1] candidates of each problem, from 0 to C. */
  problemOffsets?: Int32Array | undefined;
  /** [C] answer class ≥ 0 of each candidate, -1 for none. With `problemOffsets` it yields `vote`. */
  answers?: Int32Array | undefined;
  /** First error: first step with p < threshold. In [0, 1], default 0.5. */
  threshold?: number | undefined;
  /** Aggregate that `best` and `vote` use. Default 'mean'. */
  selectBy?: AggregateName | undefined;
}

/** Per candidate; NaN (and -1) for an empty one. A NaN step makes min, mean, product, max and geometricMean NaN. */
export type StepAggregates = Record<AggregateName, Float32Array> & {
  /** [C] index of the first step within the candidate with p < threshold, -1 for none. */
  firstError: Int32Array;
};

export interface StepScoreOutput {
  /** [S] log P(+) - log(1 - P(+)) = z₊/τ - logsumexp(other z/τ); for k = 2 the difference of logits over τ. */
  logit: Float32Array;
  /** [S] P(+). */
  probability: Float32Array;
  /** [S × k] log-softmax of the label logits over τ; k = 2 for a head: log P(+), log P(-). */
  logProbability: Float32Array;
  /** With `candidateOffsets`. */
  aggregates?: StepAggregates;
  /** With `problemOffsets`: [P] global index of the candidate with the largest aggregate; ties go to the lowest index; -1 when none has one. */
  best?: Int32Array;
  /** With `problemOffsets` and `answers`: [P] answer class with the largest sum of aggregates; ties go to the class that comes first; -1 for none. */
  vote?: Int32Array;
}

/** A checked call: difference rows instead of label rows, outputs allocated. Kernels fill the outputs and check nothing. */
export interface StepScorePlan {
  readonly hidden: HiddenRows;
  readonly dtype: HiddenDtype;
  readonly width: number;
  readonly steps: number;
  readonly positions: Int32Array | null;
  /** k - 1 rows w₀ - wⱼ with their bias differences, or a two-layer head. */
  readonly scorer:
    | { readonly kind: 'rows'; readonly rows: Float64Array; readonly bias: Float64Array; readonly others: number }
    | { readonly kind: 'head'; readonly head: StepHead; readonly others: 1 };
  readonly temperature: number;
  readonly candidateOffsets: Int32Array | null;
  readonly problemOffsets: Int32Array | null;
  readonly answers: Int32Array | null;
  readonly threshold: number;
  readonly selectBy: AggregateName;
  readonly output: StepScoreOutput;
}

const WHERE = 'stepScore';

/**
 * P(+) among k labels depends only on the k - 1 differences uⱼ = (w₀ - wⱼ)·h + (b₀ - bⱼ),
 * so the rows are subtracted once, in float64, and one product per step is saved.
 */
function differenceRows(
  rows: Float32Array,
  bias: Float32Array | null,
  width: number,
  labels: number,
): StepScorePlan['scorer'] {
  const others = labels - 1;
  const differences = new Float64Array(others * width);
  const biases = new Float64Array(others);
  for (let j = 0; j < others; j += 1) {
    for (let i = 0; i < width; i += 1) {
      differences[j * width + i] = (rows[i] as number) - (rows[(j + 1) * width + i] as number);
    }
    biases[j] = bias === null ? 0 : (bias[0] as number) - (bias[j + 1] as number);
  }
  return { kind: 'rows', rows: differences, bias: biases, others };
}

function checkedLabelRows(labelRows: StepScoreInput['labelRows'], width: number): StepScorePlan['scorer'] {
  object(labelRows, `${WHERE}.labelRows`);
  const { rows: rawRows, bias: rawBias } = labelRows as NonNullable<typeof labelRows>;
  const rows = typedArray(rawRows, Float32Array, `${WHERE}.labelRows.rows`);
  const labels = rowsOf(rows, width, `${WHERE}.labelRows.rows`);
  if (labels < 2) {
    throw new NativeError(
      'ERR_VLPRM_SHAPE',
      `${WHERE}.labelRows.rows`,
      `has ${labels} label rows`,
      'pass the positive label and at least one other',
    );
  }
  const bias = rawBias === undefined ? null : typedArray(rawBias, Float32Array, `${WHERE}.labelRows.bias`);
  if (bias !== null) lengthOf(bias, labels, `${WHERE}.labelRows.bias`, `${labels} label rows`);
  return differenceRows(rows, bias, width, labels);
}

function checkedScorer(input: StepScoreInput, width: number): StepScorePlan['scorer'] {
  const { labelRows, head, dtype } = input;
  if ((labelRows === undefined) === (head === undefined)) {
    throw new NativeError(
      'ERR_VLPRM_TYPE',
      WHERE,
      'needs exactly one of labelRows and head',
      'pass the one that the hidden rows belong to',
    );
  }
  if (head === undefined) return checkedLabelRows(labelRows, width);
  const checked = checkedStepHead(head, width, `${WHERE}.head`);
  if (dtype !== 'f32') {
    throw new NativeError(
      'ERR_VLPRM_DTYPE',
      `${WHERE}.dtype`,
      `a head reads f32 rows, not ${dtype}`,
      'widen the features to f32',
    );
  }
  if (checked.hiddenSize > 0) return { kind: 'head', head: checked, others: 1 };
  const { parameters } = checked;
  return {
    kind: 'rows',
    rows: Float64Array.from(parameters.subarray(0, width)),
    bias: Float64Array.of(parameters[width] as number),
    others: 1,
  };
}

function allocatedAggregates(candidates: number): StepAggregates {
  const aggregates = Object.fromEntries(AGGREGATES.map((name) => [name, new Float32Array(candidates)])) as Record<
    AggregateName,
    Float32Array
  >;
  return { ...aggregates, firstError: new Int32Array(candidates) };
}

function checkedAnswers(answers: Int32Array, candidates: number): Int32Array {
  const checked = indexArray(answers, `${WHERE}.answers`);
  lengthOf(checked, candidates, `${WHERE}.answers`, `${candidates} candidates`);
  checked.forEach((answer, i) => integer(answer, -1, 2 ** 31 - 1, `${WHERE}.answers[${i}]`));
  return checked;
}

function demand(condition: boolean, where: string, what: string, remedy: string): void {
  if (!condition) throw new NativeError('ERR_VLPRM_SEGMENTS', where, what, remedy);
}

/** Checks every argument, resolves defaults and allocates the outputs. */
export function planStepScore(argument: StepScoreInput): StepScorePlan {
  const input = fields(argument, WHERE);
  const dtype = oneOf(input.dtype, HIDDEN_DTYPES, `${WHERE}.dtype`);
  const hidden = hiddenRows(input.hidden, dtype, `${WHERE}.hidden`);
  const width = integer(input.width, 1, 2 ** 20, `${WHERE}.width`);
  const rows = rowsOf(hidden, width, `${WHERE}.hidden`);
  const scorer = checkedScorer(input, width);
  const positions = input.positions === undefined ? null : indexArray(input.positions, `${WHERE}.positions`);
  if (positions !== null) positionsWithin(positions, rows, `${WHERE}.positions`);
  const steps = positions?.length ?? rows;

  const candidateOffsets =
    input.candidateOffsets === undefined ? null : indexArray(input.candidateOffsets, `${WHERE}.candidateOffsets`);
  const candidates = candidateOffsets === null ? 0 : segments(candidateOffsets, steps, `${WHERE}.candidateOffsets`);
  demand(
    input.problemOffsets === undefined || candidateOffsets !== null,
    `${WHERE}.problemOffsets`,
    'there are no candidateOffsets',
    'pass the steps of each candidate too',
  );
  const problemOffsets =
    input.problemOffsets === undefined ? null : indexArray(input.problemOffsets, `${WHERE}.problemOffsets`);
  const problems = problemOffsets === null ? 0 : segments(problemOffsets, candidates, `${WHERE}.problemOffsets`);
  demand(
    input.answers === undefined || problemOffsets !== null,
    `${WHERE}.answers`,
    'there are no problemOffsets',
    'pass the candidates of each problem too',
  );
  const answers = input.answers === undefined ? null : checkedAnswers(input.answers, candidates);

  const output: StepScoreOutput = {
    logit: new Float32Array(steps),
    probability: new Float32Array(steps),
    logProbability: new Float32Array(steps * (scorer.others + 1)),
    ...(candidateOffsets === null ? {} : { aggregates: allocatedAggregates(candidates) }),
    ...(problemOffsets === null ? {} : { best: new Int32Array(problems) }),
    ...(answers === null ? {} : { vote: new Int32Array(problems) }),
  };
  return {
    hidden,
    dtype,
    width,
    steps,
    positions,
    scorer,
    temperature: finite(
      input.temperature ?? 1,
      { minimum: 0, maximum: 1e6, includeMinimum: false },
      `${WHERE}.temperature`,
    ),
    candidateOffsets,
    problemOffsets,
    answers,
    threshold: finite(input.threshold ?? 0.5, { minimum: 0, maximum: 1 }, `${WHERE}.threshold`),
    selectBy: oneOf(input.selectBy ?? 'mean', AGGREGATES, `${WHERE}.selectBy`),
    output,
  };
}

/**
 * Scores step ends in one pass: the label probabilities per step, the aggregates per candidate, the choice per problem.
 * A step's score depends on its own row alone, never on what else is in the batch. A NaN row scores NaN and is never chosen.
 * @throws NativeError before anything is computed
 */
export function stepScore(input: StepScoreInput, options?: CallOptions): StepScoreOutput {
  const plan = planStepScore(input);
  run('stepScore', plan, options);
  return plan.output;
}

/**
 * `stepScore` without holding up the event loop; docs/kernels/calls.md says what happens to the inputs meanwhile.
 * Arguments are checked before this returns; what they do wrong rejects.
 */
export async function stepScoreAsync(input: StepScoreInput, options?: AsyncCallOptions): Promise<StepScoreOutput> {
  const plan = planStepScore(input);
  await runAsync('stepScore', plan, options);
  return plan.output;
}
