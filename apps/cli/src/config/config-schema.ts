import { platformConfigSchema } from '@vlprm/api/platform';
import { ESTIMATOR_NAMES } from '@vlprm/data/synthesis';
import { z } from 'zod';

const positive = z.int().positive();

/** A configuration file. Every key may be left out; a flag of the same name overrides it. */
export const configSchema = z.strictObject({
  seed: z.int().nonnegative().optional(),
  out: z.string().min(1).optional(),
  format: z.enum(['text', 'json']).optional(),
  quiet: z.boolean().optional(),
  verbose: z.boolean().optional(),
  ...platformConfigSchema.shape,
  problems: z.string().min(1).optional(),
  traces: positive.optional(),
  rollouts: positive.optional(),
  estimator: z.enum(ESTIMATOR_NAMES).optional(),
  rolloutBudget: positive.optional(),
  votes: positive.max(64).optional(),
  concurrency: positive.max(65_536).optional(),
  maxRejectRate: z.number().min(0).max(1).optional(),
  rule: z.string().min(1).optional(),
  threshold: z.number().min(0).max(1).optional(),
  trainPuzzles: positive.optional(),
  testPuzzles: positive.optional(),
  samples: positive.optional(),
  strategy: z.string().min(1).optional(),
  n: positive.optional(),
  port: z.int().min(0).max(65_535).optional(),
});
export type Config = z.infer<typeof configSchema>;
