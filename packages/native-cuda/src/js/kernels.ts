import type { Kernels } from '../kernels.ts';
import { adamw } from './adamw.ts';
import { mcLabels } from './mcLabels.ts';
import { stepLoss } from './stepLoss.ts';
import { stepScore } from './stepScore.ts';

/** The definition and the fallback: always there. */
export const jsKernels: Kernels = { stepScore, stepLoss, adamw, mcLabels };
