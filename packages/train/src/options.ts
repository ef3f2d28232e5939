import { z } from 'zod';
import { parseRecord } from '@vlprm/core/runtime';

const weight = z.number().min(0).max(1e6);

/** How a PRM head is trained; every field has a default, an unknown field is refused. */
export const trainOptionsSchema = z.strictObject({
  seed: z.int().nonnegative().default(0),
  /** Hide the image from the base: a control that shows what the words alone give away. */
  blind: z.boolean().default(false),
  /** Weight of a perception step in the loss. */
  perceptionWeight: weight.default(1),
  /** Weight of a reasoning step in the loss. */
  reasoningWeight: weight.default(1),
  /** Weight of the steps after a first error, which are trained as wrong. */
  postErrorWeight: weight.default(0.2),
  /** Weight of the row that is the whole solution given as one step. */
  solutionWeight: weight.default(1),
  /** Scale right and wrong steps to the same total weight. */
  classBalance: z.boolean().default(false),
  /** Exact number of supervised steps to train on; null for all. */
  limitSupervisedSteps: z.int().positive().nullable().default(null),
  /** Share of the groups that is held out for stopping, calibration and thresholds. */
  validationShare: z.number().gt(0).lt(1).default(0.2),
  /** Units of the hidden layer; 0 for a linear head. */
  hiddenSize: z.int().min(0).max(4096).default(64),
  loss: z.enum(['bce', 'mse']).default('bce'),
  labelSmoothing: z.number().min(0).lt(1).default(0),
  learningRate: z.number().positive().default(2e-3),
  weightDecay: z.number().min(0).default(1e-2),
  batchSize: z.int().positive().default(512),
  epochs: z.int().positive().default(12),
  /** Epochs without a better validation loss before training stops. */
  patience: z.int().positive().default(3),
  /** Share of clean validation traces that the gate threshold may flag. */
  gateFalseAlarmRate: z.number().min(0).lt(1).default(0.03),
});
export type TrainOptions = z.infer<typeof trainOptionsSchema>;
/** Any part of the options; the rest are the defaults. */
export type TrainOptionsInput = z.input<typeof trainOptionsSchema>;

/** Fills in the defaults. ERR_CONFIG names the field that is unknown or out of range. */
export function resolveTrainOptions(options: TrainOptionsInput = {}): TrainOptions {
  return parseRecord(trainOptionsSchema, options, 'train options', 'ERR_CONFIG');
}
