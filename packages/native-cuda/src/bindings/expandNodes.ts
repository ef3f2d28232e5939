import type { ExpandNodesPlan } from '../ops/expandNodes.ts';
import { nothing, type Binding } from './binding.ts';
import { waveArguments } from './trees.ts';

export const expandNodesBinding: Binding<ExpandNodesPlan, void> = {
  arguments: ({ wave, childOffsets, priors, firstChildren }) => [
    ...waveArguments(wave),
    childOffsets,
    priors,
    firstChildren,
  ],
  result: nothing,
};
