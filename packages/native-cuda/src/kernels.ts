import type { Allocate } from './memory.ts';
import type { AdamWPlan } from './ops/adamw.ts';
import type { ExpandNodesPlan } from './ops/expandNodes.ts';
import type { McLabelsPlan } from './ops/mcLabels.ts';
import type { PuctSelectPlan } from './ops/puctSelect.ts';
import type { StepLossPlan } from './ops/stepLoss.ts';
import type { StepScorePlan } from './ops/stepScore.ts';
import type { ValueBackupPlan } from './ops/valueBackup.ts';

/**
 * What a backend computes. Plans are checked; a kernel writes every element of the outputs that its plan holds.
 * `threads` bounds the threads of cpu; 0, the default, lets the op choose. Results do not depend on it.
 */
export interface Kernels {
  stepScore(plan: StepScorePlan, threads?: number): void;
  /** The loss; NaN when nothing weighs. */
  stepLoss(plan: StepLossPlan, threads?: number): number;
  /** False when clipping met a non-finite gradient norm; nothing is written then. */
  adamw(plan: AdamWPlan, threads?: number): boolean;
  /** Index of the first invalid outcome, or -1. */
  mcLabels(plan: McLabelsPlan, threads?: number): number;
  puctSelect(plan: PuctSelectPlan, threads?: number): void;
  expandNodes(plan: ExpandNodesPlan, threads?: number): void;
  valueBackup(plan: ValueBackupPlan, threads?: number): void;
}

export type OpName = keyof Kernels;
export type PlanOf<Op extends OpName> = Parameters<Kernels[Op]>[0];
export type ResultOf<Op extends OpName> = ReturnType<Kernels[Op]>;

export const OPS = [
  'stepScore',
  'stepLoss',
  'adamw',
  'mcLabels',
  'puctSelect',
  'expandNodes',
  'valueBackup',
] as const satisfies readonly OpName[];
/** What the CUDA module computes; cpu and js compute every op. */
export const CUDA_OPS = [
  'stepScore',
  'stepLoss',
  'adamw',
  'mcLabels',
  'puctSelect',
  'expandNodes',
  'valueBackup',
] as const satisfies readonly OpName[];

/** What can compute in the background. adamw and the ops on trees work in place, and half a change is none. */
export const BACKGROUND_OPS = ['stepScore', 'stepLoss', 'mcLabels'] as const satisfies readonly OpName[];
export type BackgroundOpName = (typeof BACKGROUND_OPS)[number];

/**
 * The same ops on another thread. `abort` lies in shared memory; raised to non-zero, the op stops at its next chunk and
 * rejects with the code ABORT_ERR, its outputs undefined.
 */
export type BackgroundKernels = {
  readonly [Op in BackgroundOpName]: (plan: PlanOf<Op>, threads: number, abort: Int32Array) => Promise<ResultOf<Op>>;
};

/** What there is on one device. */
export interface Compute {
  readonly kernels: Partial<Kernels>;
  readonly background: Partial<BackgroundKernels>;
  readonly allocate: Allocate;
}
