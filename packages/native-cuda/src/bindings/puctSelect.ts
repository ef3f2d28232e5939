import { NODE_VALUES, type PuctSelectPlan } from '../ops/puctSelect.ts';
import { nothing, type Binding } from './binding.ts';
import { waveArguments } from './trees.ts';

const EXPLORATIONS = ['puct', 'uct'] as const;

export const puctSelectBinding: Binding<PuctSelectPlan, void> = {
  arguments: (plan) => [
    ...waveArguments(plan),
    plan.depths,
    plan.factor,
    EXPLORATIONS.indexOf(plan.exploration),
    NODE_VALUES.indexOf(plan.nodeValue),
    plan.virtualValue,
    plan.firstPlay,
    plan.belowParent ? 1 : 0,
    plan.childrenPerLeaf,
    plan.wave.storage.capacity,
  ],
  result: nothing,
};
