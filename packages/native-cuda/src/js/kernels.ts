import type { Kernels } from '../kernels.ts';
import { adamw } from './adamw.ts';
import { expandNodes } from './expandNodes.ts';
import { mcLabels } from './mcLabels.ts';
import { puctSelect } from './puctSelect.ts';
import { stepLoss } from './stepLoss.ts';
import { stepScore } from './stepScore.ts';
import { valueBackup } from './valueBackup.ts';

/** The definition and the fallback: always there. */
export const jsKernels: Kernels = { stepScore, stepLoss, adamw, mcLabels, puctSelect, expandNodes, valueBackup };
