import type { ExpandNodesPlan } from '../ops/expandNodes.ts';
import { nothing, type Binding } from './binding.ts';
import { waveArguments } from './trees.ts';

export const expandNodesBinding: Binding<ExpandNodesPlan, void> = {
  arguments: (plan) => [...waveArguments(plan), plan.childOffsets, plan.priors, plan.firstChildren],
  result: nothing,
};
