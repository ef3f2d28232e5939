import type { HostRows } from '../ops/hiddenRows.ts';
import { AGGREGATES, type StepAggregates, type StepScorePlan } from '../ops/stepScore.ts';
import { halfFloatTable } from './halfFloat.ts';
import { headLogit, headReader } from './stepHead.ts';

/** log(1 + eˣ) without overflow or cancellation. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

type Rows = Extract<StepScorePlan['scorer'], { kind: 'rows' }>;

function f32Products(hidden: Float32Array, row: number, width: number, scorer: Rows, into: Float64Array): void {
  const { rows, bias, others } = scorer;
  for (let j = 0; j < others; j += 1) {
    let even = 0;
    let odd = 0;
    const weights = j * width;
    const base = row * width;
    let i = 0;
    for (; i + 1 < width; i += 2) {
      even += (rows[weights + i] as number) * (hidden[base + i] as number);
      odd += (rows[weights + i + 1] as number) * (hidden[base + i + 1] as number);
    }
    if (i < width) even += (rows[weights + i] as number) * (hidden[base + i] as number);
    into[j] = even + odd + (bias[j] as number);
  }
}

function halfProducts(
  hidden: Uint16Array,
  table: Float32Array,
  row: number,
  width: number,
  scorer: Rows,
  into: Float64Array,
): void {
  const { rows, bias, others } = scorer;
  for (let j = 0; j < others; j += 1) {
    let even = 0;
    let odd = 0;
    const weights = j * width;
    const base = row * width;
    let i = 0;
    for (; i + 1 < width; i += 2) {
      even += (rows[weights + i] as number) * (table[hidden[base + i] as number] as number);
      odd += (rows[weights + i + 1] as number) * (table[hidden[base + i + 1] as number] as number);
    }
    if (i < width) even += (rows[weights + i] as number) * (table[hidden[base + i] as number] as number);
    into[j] = even + odd + (bias[j] as number);
  }
}

/** Differences u of the label logits for one row, before the temperature. */
function rowDifferences(plan: StepScorePlan): (row: number, into: Float64Array) => void {
  const { scorer, hidden, dtype, width } = plan;
  if (scorer.kind === 'head') {
    const head = headReader(scorer.head);
    return (row, into) => {
      into[0] = headLogit(head, hidden as HostRows, row);
    };
  }
  if (dtype === 'f32') return (row, into) => f32Products(hidden as Float32Array, row, width, scorer, into);
  const table = halfFloatTable(dtype);
  return (row, into) => halfProducts(hidden as Uint16Array, table, row, width, scorer, into);
}

/** -logsumexp(-u): the logit of the positive label against all others together. */
function jointLogit(differences: Float64Array): number {
  let smallest = Infinity;
  for (const u of differences) {
    if (Number.isNaN(u)) return NaN;
    smallest = Math.min(smallest, u);
  }
  if (!Number.isFinite(smallest)) return smallest;
  let sum = 0;
  for (const u of differences) sum += Math.exp(smallest - u);
  return smallest - Math.log(sum);
}

function writeStep(plan: StepScorePlan, step: number, differences: Float64Array): void {
  const { output, scorer, temperature } = plan;
  const labels = scorer.others + 1;
  for (let j = 0; j < scorer.others; j += 1) differences[j] = (differences[j] as number) / temperature;
  const logit = scorer.others === 1 ? (differences[0] as number) : jointLogit(differences);
  const logPositive = -softplus(-logit);
  output.logit[step] = logit;
  output.probability[step] = sigmoid(logit);
  output.logProbability[step * labels] = logPositive;
  if (labels === 2) {
    output.logProbability[step * labels + 1] = -softplus(logit);
    return;
  }
  for (let j = 0; j < scorer.others; j += 1) {
    output.logProbability[step * labels + 1 + j] = logPositive - (differences[j] as number);
  }
}

function writeEmptyCandidate(aggregates: StepAggregates, candidate: number): void {
  for (const name of AGGREGATES) aggregates[name][candidate] = NaN;
  aggregates.firstError[candidate] = -1;
}

/** Aggregates of the f32 probabilities as written; product and geometric mean go through Σ log p, so they do not underflow early. */
function writeCandidate(
  plan: StepScorePlan,
  aggregates: StepAggregates,
  candidate: number,
  begin: number,
  end: number,
): void {
  const { probability, logProbability } = plan.output;
  const labels = plan.scorer.others + 1;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let logSum = 0;
  let firstError = -1;
  for (let step = begin; step < end; step += 1) {
    const p = probability[step] as number;
    min = Math.min(min, p);
    max = Math.max(max, p);
    sum += p;
    logSum += logProbability[step * labels] as number;
    if (firstError < 0 && p < plan.threshold) firstError = step - begin;
  }
  aggregates.min[candidate] = min;
  aggregates.mean[candidate] = sum / (end - begin);
  aggregates.product[candidate] = Math.exp(logSum);
  aggregates.last[candidate] = probability[end - 1] as number;
  aggregates.max[candidate] = max;
  aggregates.geometricMean[candidate] = Math.exp(logSum / (end - begin));
  aggregates.firstError[candidate] = firstError;
}

function writeAggregates(plan: StepScorePlan, offsets: Int32Array, aggregates: StepAggregates): void {
  for (let candidate = 0; candidate + 1 < offsets.length; candidate += 1) {
    const begin = offsets[candidate] as number;
    const end = offsets[candidate + 1] as number;
    if (begin === end) writeEmptyCandidate(aggregates, candidate);
    else writeCandidate(plan, aggregates, candidate, begin, end);
  }
}

function bestCandidate(scores: Float32Array, begin: number, end: number): number {
  let best = -1;
  for (let candidate = begin; candidate < end; candidate += 1) {
    const score = scores[candidate] as number;
    if (!Number.isNaN(score) && (best < 0 || score > (scores[best] as number))) best = candidate;
  }
  return best;
}

function votedAnswer(scores: Float32Array, answers: Int32Array, begin: number, end: number): number {
  const sums = new Map<number, number>();
  for (let candidate = begin; candidate < end; candidate += 1) {
    const answer = answers[candidate] as number;
    const score = scores[candidate] as number;
    if (answer >= 0 && !Number.isNaN(score)) sums.set(answer, (sums.get(answer) ?? 0) + score);
  }
  let winner = -1;
  let most = -Infinity;
  for (const [answer, sum] of sums) {
    if (sum > most) {
      winner = answer;
      most = sum;
    }
  }
  return winner;
}

/** The definition: float64 throughout, rounded to f32 once per output. */
export function stepScore(plan: StepScorePlan): void {
  const { positions, steps, output, candidateOffsets, problemOffsets, answers } = plan;
  const read = rowDifferences(plan);
  const differences = new Float64Array(plan.scorer.others);
  for (let step = 0; step < steps; step += 1) {
    read(positions === null ? step : (positions[step] as number), differences);
    writeStep(plan, step, differences);
  }
  if (candidateOffsets === null || output.aggregates === undefined) return;
  writeAggregates(plan, candidateOffsets, output.aggregates);
  if (problemOffsets === null || output.best === undefined) return;
  const scores = output.aggregates[plan.selectBy];
  for (let problem = 0; problem + 1 < problemOffsets.length; problem += 1) {
    const begin = problemOffsets[problem] as number;
    const end = problemOffsets[problem + 1] as number;
    output.best[problem] = bestCandidate(scores, begin, end);
    if (answers !== null && output.vote !== undefined) output.vote[problem] = votedAnswer(scores, answers, begin, end);
  }
}
