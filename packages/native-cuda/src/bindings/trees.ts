import type { TreePlan } from '../trees/wave.ts';

/** The batch and the wave, as csrc/napi/trees.h reads them. */
export function waveArguments({ wave, memory }: TreePlan): readonly unknown[] {
  const { storage, trees, count, leavesPerTree, leaves } = wave;
  return [memory, storage.trees, storage.stride, trees, leaves, count, leavesPerTree];
}
