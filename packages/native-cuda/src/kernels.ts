import type { AdamWPlan } from './ops/adamw.ts';
import type { McLabelsPlan } from './ops/mcLabels.ts';
import type { StepLossPlan } from './ops/stepLoss.ts';
import type { StepScorePlan } from './ops/stepScore.ts';

/** What a backend computes. Plans are checked; a kernel writes every element of the outputs that its plan holds. */
export interface Kernels {
  stepScore(plan: StepScorePlan): void;
  stepLoss(plan: StepLossPlan): { loss: number; weightSum: number };
  /** False when clipping met a non-finite gradient norm; nothing is written then. */
  adamw(plan: AdamWPlan): boolean;
  /** Index of the first invalid outcome, or -1. */
  mcLabels(plan: McLabelsPlan): number;
}

export type OpName = keyof Kernels;
export const OPS = ['stepScore', 'stepLoss', 'adamw', 'mcLabels'] as const satisfies readonly OpName[];
/** What the CUDA module computes; cpu and js compute every op. */
export const CUDA_OPS = ['stepScore'] as const satisfies readonly OpName[];
