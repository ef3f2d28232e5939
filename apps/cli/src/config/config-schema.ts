import { z } from 'zod';

const positive = z.int().positive();

/** A model server that policy, judge or PRM names may refer to. */
export const endpointSchema = z.strictObject({
  kind: z.string().min(1),
  baseUrl: z.url(),
  model: z.string().min(1),
  /** Name of the environment variable that holds the key; the key itself never stands in a file. */
  apiKeyEnv: z.string().min(1).optional(),
});

/** A configuration file. Every key may be left out; a flag of the same name overrides it. */
export const configSchema = z.strictObject({
  seed: z.int().nonnegative().optional(),
  out: z.string().min(1).optional(),
  format: z.enum(['text', 'json']).optional(),
  quiet: z.boolean().optional(),
  verbose: z.boolean().optional(),
  endpoints: z.record(z.string(), endpointSchema).optional(),
  policy: z.string().min(1).optional(),
  judge: z.string().min(1).optional(),
  prm: z.string().min(1).optional(),
  problems: z.string().min(1).optional(),
  traces: positive.optional(),
  rollouts: positive.optional(),
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
