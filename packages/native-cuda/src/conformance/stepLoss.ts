/** Loss of a step head from its formulas in float64, for float64 parameters and features, so that it can be differentiated numerically. */
import { DeviceBuffer } from '../device-buffer.ts';
import type { StepLossInput } from '../ops/stepLoss.ts';
import { decodeHalf } from './stepScore.ts';

/** Row of the features at each position of the minibatch. */
function batchRows(input: StepLossInput): readonly number[] {
  return [...(input.rowIndices ?? new Int32Array(input.targets.length).keys())];
}

/** [count × width] the features of the minibatch, in its order. */
export function batchFeatures(input: StepLossInput): Float64Array {
  const { width, dtype = 'f32' } = input;
  const features = input.features instanceof DeviceBuffer ? input.features.toHost() : input.features;
  const rows = batchRows(input);
  return Float64Array.from({ length: rows.length * width }, (_, k) => {
    const value = features[(rows[Math.floor(k / width)] as number) * width + (k % width)] as number;
    return dtype === 'f32' ? value : decodeHalf(value, dtype);
  });
}

function logit(input: StepLossInput, parameters: Float64Array, x: Float64Array): number {
  const h = input.head.hiddenSize;
  const d = input.width;
  const product = (at: number): number => {
    let sum = 0;
    for (let i = 0; i < d; i += 1) sum += (parameters[at + i] as number) * (x[i] as number);
    return sum;
  };
  if (h === 0) return product(0) + (parameters[d] as number);
  let sum = parameters[h * d + 2 * h] as number;
  for (let unit = 0; unit < h; unit += 1) {
    const activation = product(unit * d) + (parameters[h * d + unit] as number);
    sum += Math.max(0, activation) * (parameters[h * d + h + unit] as number);
  }
  return sum;
}

interface Term {
  readonly target: number;
  readonly weight: number;
}

function rowTerm(input: StepLossInput, row: number): Term {
  const { targets, weights, classWeights = { positive: 1, negative: 1 }, kinds, kindWeights } = input;
  const value = targets[row] as number;
  const target = targets instanceof Int8Array ? (value + 1) / 2 : value;
  const own = (weights?.[row] ?? 1) * (kinds === undefined ? 1 : (kindWeights?.[kinds[row] as number] as number));
  if (own === 0 || (targets instanceof Int8Array && value === 0)) return { target: NaN, weight: 0 };
  return { target, weight: own * (target * classWeights.positive + (1 - target) * classWeights.negative) };
}

function rowLoss(input: StepLossInput, z: number, target: number): number {
  const epsilon = input.labelSmoothing ?? 0;
  const t = (1 - epsilon) * target + epsilon / 2;
  const p = 1 / (1 + Math.exp(-z));
  return input.loss === 'mse' ? (p - t) ** 2 : -t * Math.log(p) - (1 - t) * Math.log(1 - p);
}

/** Li & Li 2024 (https://arxiv.org/abs/2410.11287): the sums of the formula as they stand. */
function traceLoss(logits: readonly number[], right: readonly boolean[], margin: number): number {
  const wrong = logits.reduce((sum, z, i) => (right[i] === true ? sum : sum + Math.exp(z + margin)), 0);
  const terms = logits.flatMap((z, t) => {
    if (right[t] === false) return [];
    const before = logits.reduce((sum, zi, i) => (right[i] === true && i <= t ? sum + Math.exp(zi) : sum), 0);
    return [-Math.log(Math.exp(z) / (1 + before + wrong))];
  });
  if (right.includes(false)) terms.push(-Math.log(1 / (1 + wrong)));
  return terms.reduce((sum, term) => sum + term, 0) / terms.length;
}

interface Weighted {
  readonly loss: number;
  readonly weight: number;
}

function weightedMean(terms: readonly Weighted[]): number {
  const weight = terms.reduce((sum, term) => sum + term.weight, 0);
  return terms.reduce((sum, term) => sum + (term.weight === 0 ? 0 : term.weight * term.loss), 0) / weight;
}

/** Weighted mean loss; the last argument stands for the features of the minibatch, so that they can be varied. */
export function defineLoss(input: StepLossInput, parameters: Float64Array, features = batchFeatures(input)): number {
  const terms = batchRows(input).map((row, i) => {
    const { target, weight } = rowTerm(input, row);
    const z = weight === 0 ? NaN : logit(input, parameters, features.subarray(i * input.width, (i + 1) * input.width));
    return { z, target, weight };
  });
  if (input.loss !== 'pqm') {
    return weightedMean(terms.map(({ z, target, weight }) => ({ loss: rowLoss(input, z, target), weight })));
  }
  const offsets = input.traceOffsets ?? Int32Array.of(0);
  const traces = Array.from(offsets.subarray(1), (end, t) => {
    const present = terms.slice(offsets[t], end).filter(({ weight }) => weight > 0);
    const weight = present.reduce((sum, term) => sum + term.weight, 0) / Math.max(1, present.length);
    const logits = present.map(({ z }) => z);
    const right = present.map(({ target }) => target === 1);
    return { loss: present.length === 0 ? NaN : traceLoss(logits, right, input.margin ?? 4), weight };
  });
  return weightedMean(traces);
}

/** Central differences: error O(step²) where no unit switches within the step. */
function differences(loss: (at: Float64Array) => number, at: Float64Array, step = 1e-6): Float64Array {
  return at.map((value, i) => {
    const moved = (x: number): number => loss(at.with(i, x));
    return (moved(value + step) - moved(value - step)) / (2 * step);
  });
}

/** ∂loss/∂parameters. */
export function differentiate(input: StepLossInput): Float64Array {
  const features = batchFeatures(input);
  return differences((parameters) => defineLoss(input, parameters, features), Float64Array.from(input.head.parameters));
}

/** ∂loss/∂features of the minibatch. */
export function differentiateFeatures(input: StepLossInput): Float64Array {
  const parameters = Float64Array.from(input.head.parameters);
  return differences((features) => defineLoss(input, parameters, features), batchFeatures(input));
}
