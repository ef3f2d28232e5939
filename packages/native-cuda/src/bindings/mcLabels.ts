import { heldIndices, heldValues } from '../held.ts';
import type { McLabelsPlan } from '../ops/mcLabels.ts';
import type { BackgroundBinding } from './binding.ts';

export const mcLabelsBinding: BackgroundBinding<McLabelsPlan, number> = {
  arguments: ({ outcomes, offsets, numerator, denominator, z, output }) => [
    outcomes,
    offsets,
    numerator,
    denominator,
    z,
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
  bytes: ({ outcomes, offsets }) => outcomes.length + 33 * offsets.length,
  held: (plan) => ({ ...plan, outcomes: heldValues(plan.outcomes), offsets: heldIndices(plan.offsets) }),
};
