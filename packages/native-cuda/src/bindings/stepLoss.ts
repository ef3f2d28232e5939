import type { StepLossPlan } from '../ops/stepLoss.ts';
import type { Binding } from './binding.ts';

export const stepLossBinding: Binding<StepLossPlan, { loss: number; weightSum: number }> = {
  arguments: (plan) => [
    plan.features,
    plan.width,
    plan.rowIndices === null ? plan.rows : plan.rowIndices.length,
    plan.rowIndices,
    plan.targets,
    plan.weights,
    plan.head.parameters,
    plan.head.hiddenSize,
    plan.loss === 'mse',
    plan.labelSmoothing,
    plan.gradient,
  ],
  result: (raw) => {
    const [loss, weightSum] = raw as [number, number];
    return { loss, weightSum };
  },
};
