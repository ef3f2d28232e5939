import type { McLabelsPlan } from '../ops/mcLabels.ts';
import type { Binding } from './binding.ts';

export const mcLabelsBinding: Binding<McLabelsPlan, number> = {
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
};
