/**
 * stepScore from its formulas, in float64 and without a shortcut: full label logits, full softmax, decoded 16-bit patterns.
 * Shares no code with the backends.
 */
import { DeviceBuffer } from '../device-buffer.ts';
import type { StepScoreInput } from '../ops/stepScore.ts';

/** Value of a bf16 or binary16 pattern from its fields (IEEE 754-2019, section 3.4). */
export function decodeHalf(pattern: number, dtype: 'bf16' | 'f16'): number {
  const [exponentBits, fractionBits] = dtype === 'bf16' ? [8, 7] : [5, 10];
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = pattern >= 32_768 ? -1 : 1;
  const exponent = Math.floor((pattern % 32_768) / 2 ** fractionBits);
  const fraction = (pattern % 2 ** fractionBits) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const decoded = new Map<'bf16' | 'f16', Float64Array>();

function decodedPatterns(dtype: 'bf16' | 'f16'): Float64Array {
  const known = decoded.get(dtype) ?? Float64Array.from({ length: 65_536 }, (_, pattern) => decodeHalf(pattern, dtype));
  decoded.set(dtype, known);
  return known;
}

/** The pattern nearest to `value` among all finite ones: slow, obvious, good enough for test data. */
export function encodeHalf(value: number, dtype: 'bf16' | 'f16'): number {
  const values = decodedPatterns(dtype);
  const largest = dtype === 'bf16' ? 0x7f7f : 0x7bff;
  let low = 0;
  let high = largest;
  const magnitude = Math.abs(value);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= magnitude) low = middle;
    else high = middle;
  }
  const nearest = magnitude - (values[low] as number) <= (values[high] as number) - magnitude ? low : high;
  return value < 0 ? nearest + 32_768 : nearest;
}

export interface Definition {
  logit: number[];
  probability: number[];
  /** [S][k]. */
  logProbability: number[][];
}

function labelLogits(input: StepScoreInput, row: Float64Array): number[] {
  const { width, labelRows, head } = input;
  const product = (weights: Float32Array, at: number): number => {
    let sum = 0;
    for (let i = 0; i < width; i += 1) sum += (weights[at + i] as number) * (row[i] as number);
    return sum;
  };
  if (labelRows !== undefined) {
    const labels = labelRows.rows.length / width;
    return Array.from({ length: labels }, (_, j) => product(labelRows.rows, j * width) + (labelRows.bias?.[j] ?? 0));
  }
  if (head === undefined) throw new Error('the definition needs labelRows or a head');
  const { hiddenSize: h, parameters } = head;
  if (h === 0) return [product(parameters, 0) + (parameters[width] as number), 0];
  let logit = parameters[h * width + 2 * h] as number;
  for (let unit = 0; unit < h; unit += 1) {
    const activation = product(parameters, unit * width) + (parameters[h * width + unit] as number);
    logit += Math.max(0, activation) * (parameters[h * width + h + unit] as number);
  }
  return [logit, 0];
}

function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** Steps scored by the definition. */
export function defineSteps(input: StepScoreInput): Definition {
  const { dtype, width, temperature = 1 } = input;
  const hidden = input.hidden instanceof DeviceBuffer ? input.hidden.toHost() : input.hidden;
  const positions = input.positions ?? Int32Array.from({ length: hidden.length / width }, (_, i) => i);
  const patterns = dtype === 'f32' ? null : decodedPatterns(dtype);
  const values = Float64Array.from(hidden, (value) => (patterns === null ? value : (patterns[value] as number)));
  const definition: Definition = { logit: [], probability: [], logProbability: [] };
  for (const position of positions) {
    const row = values.subarray(position * width, (position + 1) * width);
    const scaled = labelLogits(input, row).map((logit) => logit / temperature);
    const [positive = NaN, ...others] = scaled;
    const logs = scaled.map((logit) => logit - logSumExp(scaled));
    definition.logit.push(positive - logSumExp(others));
    definition.probability.push(Math.exp(logs[0] ?? NaN));
    definition.logProbability.push(logs);
  }
  return definition;
}

export interface DefinedAggregates {
  min: number;
  mean: number;
  product: number;
  last: number;
  max: number;
  geometricMean: number;
  firstError: number;
}

const NO_STEPS = { min: NaN, mean: NaN, product: NaN, last: NaN, max: NaN, geometricMean: NaN, firstError: -1 };

/** Aggregates of one candidate's probabilities. */
export function defineAggregates(probabilities: readonly number[], threshold: number): DefinedAggregates {
  const count = probabilities.length;
  if (count === 0) return NO_STEPS;
  const product = probabilities.reduce((result, p) => result * p, 1);
  return {
    min: Math.min(...probabilities),
    mean: probabilities.reduce((sum, p) => sum + p, 0) / count,
    product,
    last: probabilities[count - 1] as number,
    max: Math.max(...probabilities),
    geometricMean: product ** (1 / count),
    firstError: probabilities.findIndex((p) => p < threshold),
  };
}

/** First index with the largest score that is a number, or -1. */
export function defineBest(scores: readonly number[], begin: number, end: number): number {
  const eligible = Array.from({ length: end - begin }, (_, i) => begin + i).filter((i) => !Number.isNaN(scores[i]));
  return eligible.toSorted((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)[0] ?? -1;
}

/** Answer with the largest sum of scores, ties to the answer that comes first, or -1. */
export function defineVote(scores: readonly number[], answers: Int32Array, begin: number, end: number): number {
  const eligible = Array.from({ length: end - begin }, (_, i) => begin + i).filter(
    (i) => !Number.isNaN(scores[i]) && (answers[i] as number) >= 0,
  );
  const classes = [...new Set(eligible.map((i) => answers[i] as number))];
  const sums = classes.map((answer) => {
    const members = eligible.filter((i) => answers[i] === answer);
    return members.reduce((sum, i) => sum + (scores[i] as number), 0);
  });
  return classes[sums.indexOf(Math.max(...sums))] ?? -1;
}
