import { heldIndices, heldValues } from '../held.ts';
import { ROLLOUT_FORMS, type McLabelsPlan } from '../ops/mcLabels.ts';
import type { BackgroundBinding } from './binding.ts';

export const mcLabelsBinding: BackgroundBinding<McLabelsPlan, number> = {
  arguments: ({ form, outcomes, offsets, keys, rollouts, steps, interval, intervals, output, ...plan }) => [
    ROLLOUT_FORMS.indexOf(form),
    outcomes,
    offsets,
    keys,
    rollouts,
    steps,
    plan.numerator,
    plan.denominator,
    interval.kind === 'wilson' ? interval.z : 0,
    intervals,
    output.correct,
    output.incorrect,
    output.unparsable,
    output.failed,
    output.rate,
    output.lower,
    output.upper,
    output.label,
  ],
  result: (invalid) => invalid as number,
  // A keyed rollout changes a counter somewhere in memory.
  bytes: ({ form, rollouts, steps }) => (form === 'keyed' ? 16 : 1) * rollouts + 33 * steps,
  held: (plan) => ({
    ...plan,
    outcomes: heldValues(plan.outcomes),
    offsets: heldIndices(plan.offsets),
    keys: heldIndices(plan.keys),
  }),
};
