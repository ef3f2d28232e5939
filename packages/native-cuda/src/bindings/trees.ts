import type { WavePlan } from '../trees/wave.ts';

/** The batch and the wave, as csrc/napi/trees.h reads them. */
export function waveArguments({ storage, trees, count, leavesPerTree, leaves }: WavePlan): readonly unknown[] {
  return [storage.memory, storage.trees, storage.stride, trees, leaves, count, leavesPerTree];
}
