import type { CallOptions } from '../backends.ts';
import { run } from '../dispatch.ts';
import { NativeError } from '../errors.ts';
import { disjoint, fields, finite, integer, lengthOf, typedArray } from '../validation.ts';

/** Running moments of AdamW, each as long as the parameters; zeros and step 0 to begin with. */
export interface AdamWState {
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  /** Updates done so far. */
  step: number;
}

export interface AdamWInput {
  /** Updated in place. */
  parameters: Float32Array;
  gradient: Float32Array;
  /** Updated in place, `step` included. */
  state: AdamWState;
  /** ≥ 0. */
  learningRate: number;
  /** In [0, 1). Default 0.9. */
  beta1?: number | undefined;
  /** In [0, 1). Default 0.999. */
  beta2?: number | undefined;
  /** > 0. Default 1e-8. */
  epsilon?: number | undefined;
  /** Decoupled decay ≥ 0. Default 0. */
  weightDecay?: number | undefined;
  /** > 0: a gradient of larger Euclidean norm is scaled down to it. Default: no clipping. */
  maxGradNorm?: number | undefined;
}

/** A checked call with the scalars of this step. */
export interface AdamWPlan {
  readonly parameters: Float32Array;
  readonly gradient: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** learningRate / (1 - β₁ᵗ). */
  readonly stepSize: number;
  /** 1 / √(1 - β₂ᵗ). */
  readonly secondScale: number;
  /** 1 - learningRate · weightDecay. */
  readonly keep: number;
  /** 0 for no clipping. */
  readonly maxGradNorm: number;
}

const WHERE = 'adamw';

/** Checks every argument and resolves the scalars of step `state.step + 1`. */
export function planAdamW(argument: AdamWInput): AdamWPlan {
  const input = fields(argument, WHERE);
  const state = fields(input.state, `${WHERE}.state`);
  const parameters = typedArray(input.parameters, Float32Array, `${WHERE}.parameters`);
  const gradient = typedArray(input.gradient, Float32Array, `${WHERE}.gradient`);
  const firstMoment = typedArray(state.firstMoment, Float32Array, `${WHERE}.state.firstMoment`);
  const secondMoment = typedArray(state.secondMoment, Float32Array, `${WHERE}.state.secondMoment`);
  lengthOf(gradient, parameters.length, `${WHERE}.gradient`, 'the parameters');
  lengthOf(firstMoment, parameters.length, `${WHERE}.state.firstMoment`, 'the parameters');
  lengthOf(secondMoment, parameters.length, `${WHERE}.state.secondMoment`, 'the parameters');
  disjoint(parameters, [gradient, firstMoment, secondMoment], `${WHERE}.parameters`);
  disjoint(firstMoment, [gradient, secondMoment], `${WHERE}.state.firstMoment`);
  disjoint(secondMoment, [gradient], `${WHERE}.state.secondMoment`);
  const step = integer(state.step, 0, Number.MAX_SAFE_INTEGER - 1, `${WHERE}.state.step`) + 1;
  const unit = { minimum: 0, maximum: 1, includeMaximum: false };
  const positive = { minimum: 0, maximum: Number.MAX_VALUE, includeMinimum: false };
  const learningRate = finite(input.learningRate, { minimum: 0, maximum: 1e6 }, `${WHERE}.learningRate`);
  const beta1 = finite(input.beta1 ?? 0.9, unit, `${WHERE}.beta1`);
  const beta2 = finite(input.beta2 ?? 0.999, unit, `${WHERE}.beta2`);
  const weightDecay = finite(input.weightDecay ?? 0, { minimum: 0, maximum: 1e6 }, `${WHERE}.weightDecay`);
  return {
    parameters,
    gradient,
    firstMoment,
    secondMoment,
    beta1,
    beta2,
    epsilon: finite(input.epsilon ?? 1e-8, positive, `${WHERE}.epsilon`),
    stepSize: learningRate / (1 - beta1 ** step),
    secondScale: 1 / Math.sqrt(1 - beta2 ** step),
    keep: 1 - learningRate * weightDecay,
    maxGradNorm: input.maxGradNorm === undefined ? 0 : finite(input.maxGradNorm, positive, `${WHERE}.maxGradNorm`),
  };
}

/**
 * One AdamW step in place, decay decoupled from the gradient (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101, algorithm 2
 * with schedule 1, decay scaled by the learning rate):
 * m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², θ ← (1 - lr·λ)θ - lr·m̂ / (√v̂ + ε).
 * @throws NativeError ERR_VLPRM_NOT_FINITE when clipping meets a gradient of non-finite norm; nothing is changed then
 */
export function adamw(input: AdamWInput, options?: CallOptions): void {
  const plan = planAdamW(input);
  const applied = run('adamw', plan, options);
  if (!applied) {
    throw new NativeError(
      'ERR_VLPRM_NOT_FINITE',
      `${WHERE}.gradient`,
      'its norm is not finite',
      'lower the learning rate or look for non-finite features',
    );
  }
  input.state.step += 1;
}
