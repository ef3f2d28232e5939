import { heldIndices, heldValues } from '../held.ts';
import type { StepLossPlan } from '../ops/stepLoss.ts';
import type { BackgroundBinding } from './binding.ts';
import { rowBytes } from './rowBytes.ts';

export const stepLossBinding: BackgroundBinding<StepLossPlan, { loss: number; weightSum: number }> = {
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
  bytes: (plan) =>
    (plan.rowIndices?.length ?? plan.rows) * rowBytes(plan.features, plan.width, 3 * plan.head.hiddenSize),
  held: (plan) => ({
    ...plan,
    features: heldValues(plan.features),
    rowIndices: heldIndices(plan.rowIndices),
    targets: heldValues(plan.targets),
    weights: heldValues(plan.weights),
    head: { ...plan.head, parameters: heldValues(plan.head.parameters) },
  }),
};
