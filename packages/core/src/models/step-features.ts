import type { TokenPlan } from './token-plan.ts';

/** Name of this feature layout in a bundle; another layout is another name. */
export const STEP_FEATURES = 'gap-hidden/1';

const SURPRISE_FEATURES = 12;
const LAST_TOKENS = 4;

/** Features per step: the hidden state, then the surprise features. */
export function stepFeatureWidth(hiddenSize: number): number {
  return hiddenSize + SURPRISE_FEATURES;
}

/** What a base says about the tokens of one solution; rows of padding may follow the T that the plan has. */
export interface BaseReading {
  /** [T × hiddenSize] state after each token. */
  readonly hidden: Float32Array;
  readonly hiddenSize: number;
  /** [T] log p(token | image, tokens before), 0 at the first. */
  readonly logp: Float32Array;
  /** [T] logp minus the best log-probability at that place, ≤ 0. */
  readonly gap: Float32Array;
}

/**
 * Step features [steps × (hiddenSize + 12)], written to `out` from `offset` (in floats).
 *
 * With g = log1p(-gap) ≥ 0, the surprise at a claimed token, over the step's tokens [a, b): the hidden state at b - 1, then
 * max g · sum of the two largest g · sum g · log1p max(-logp) · log1p mean(-logp) · running max g of the solution ·
 * running log1p(sum of -gap) · log1p(running count of g > 1) · g at b - 2, b - 3, b - 4, b - 5 (0 before the step).
 * Tokens of the question count for nothing.
 */
export function stepFeatures(reading: BaseReading, plan: TokenPlan, out: Float32Array, offset = 0): void {
  const { hidden, hiddenSize } = reading;
  const width = stepFeatureWidth(hiddenSize);
  const soFar: SolutionSoFar = { maxSurprise: 0, gapSum: 0, surprises: 0 };
  let start = plan.solutionStart;
  plan.ends.forEach((end, step) => {
    const row = offset + step * width;
    out.set(hidden.subarray((end - 1) * hiddenSize, end * hiddenSize), row);
    writeSurprises(reading, start, end, soFar, out, row + hiddenSize);
    start = end;
  });
}

interface SolutionSoFar {
  maxSurprise: number;
  gapSum: number;
  surprises: number;
}

const surprise = (gap: number): number => Math.log1p(Math.max(0, -gap));

function writeSurprises(
  { logp, gap }: BaseReading,
  start: number,
  end: number,
  soFar: SolutionSoFar,
  out: Float32Array,
  at: number,
): void {
  let [first, second, sum, worst, total] = [0, 0, 0, 0, 0];
  for (let token = start; token < end; token++) {
    const g = surprise(gap[token]!);
    if (g > first) [first, second] = [g, first];
    else if (g > second) second = g;
    sum += g;
    const loss = Math.max(0, -logp[token]!);
    worst = Math.max(worst, loss);
    total += loss;
    soFar.gapSum += Math.max(0, -gap[token]!);
    if (g > 1) soFar.surprises++;
  }
  soFar.maxSurprise = Math.max(soFar.maxSurprise, first);
  out[at] = first;
  out[at + 1] = first + second;
  out[at + 2] = sum;
  out[at + 3] = Math.log1p(worst);
  out[at + 4] = Math.log1p(total / Math.max(1, end - start));
  out[at + 5] = soFar.maxSurprise;
  out[at + 6] = Math.log1p(soFar.gapSum);
  out[at + 7] = Math.log1p(soFar.surprises);
  for (let back = 0; back < LAST_TOKENS; back++) {
    const token = end - 2 - back;
    out[at + 8 + back] = token >= start ? surprise(gap[token]!) : 0;
  }
}
