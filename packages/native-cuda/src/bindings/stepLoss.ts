import { heldIndices, heldValues } from '../held.ts';
import { HIDDEN_DTYPES, rowCost } from '../ops/hiddenRows.ts';
import { STEP_LOSSES, type StepLossPlan } from '../ops/stepLoss.ts';
import type { BackgroundBinding } from './binding.ts';

export const stepLossBinding: BackgroundBinding<StepLossPlan, number> = {
  arguments: (plan) => {
    const { traces, featureGradient } = plan;
    return [
      plan.features,
      HIDDEN_DTYPES.indexOf(plan.dtype),
      plan.width,
      plan.count,
      plan.rowIndices,
      plan.targets,
      plan.weights,
      plan.weightSum,
      STEP_LOSSES.indexOf(plan.loss),
      traces === null ? null : traces.offsets,
      traces === null ? null : traces.weights,
      traces === null ? 0 : traces.margin,
      plan.head.parameters,
      plan.head.hiddenSize,
      plan.gradient,
      featureGradient,
      HIDDEN_DTYPES.indexOf(featureGradient instanceof Uint16Array ? 'bf16' : 'f32'),
    ];
  },
  result: (loss) => loss as number,
  bytes: (plan) => plan.count * rowCost(plan.dtype, plan.width, 3 * plan.head.hiddenSize),
  held: (plan) => ({
    ...plan,
    features: heldValues(plan.features),
    rowIndices: heldIndices(plan.rowIndices),
    traces: plan.traces === null ? null : { ...plan.traces, offsets: heldIndices(plan.traces.offsets) },
    head: { ...plan.head, parameters: heldValues(plan.head.parameters) },
  }),
};
