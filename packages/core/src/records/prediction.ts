import { z } from 'zod';
import { usageSchema } from './usage.ts';

export const PREDICTION_SCHEMA = 'vlprm.prediction/1';

/** One step scored by a PRM: the two label logits and `p`, the calibrated probability that the step is right. */
export const predictionSchema = z.object({
  schema: z.literal(PREDICTION_SCHEMA),
  traceId: z.string().min(1),
  step: z.int().nonnegative(),
  logitPos: z.number(),
  logitNeg: z.number(),
  p: z.number().min(0).max(1),
  usage: usageSchema.nullable(),
});
export type Prediction = z.infer<typeof predictionSchema>;
