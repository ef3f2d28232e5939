import type { AdamWPlan } from '../ops/adamw.ts';
import type { Binding } from './binding.ts';

export const adamwBinding: Binding<AdamWPlan, boolean> = {
  arguments: (plan) => [
    plan.parameters,
    plan.gradient,
    plan.firstMoment,
    plan.secondMoment,
    plan.parameters.length,
    plan.beta1,
    plan.beta2,
    plan.epsilon,
    plan.stepSize,
    plan.secondScale,
    plan.keep,
    plan.maxGradNorm,
  ],
  result: (applied) => applied as boolean,
};
