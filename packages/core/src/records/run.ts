import { z } from 'zod';

export const RUN_SCHEMA = 'vlprm.run/1';

/** `run.json` of a run folder: what was asked for, on what, and how it ended. */
export const runSchema = z.object({
  schema: z.literal(RUN_SCHEMA),
  command: z.string().min(1),
  /** The configuration with every default filled in. */
  config: z.record(z.string(), z.json()),
  seed: z.int().nonnegative(),
  versions: z.record(z.string(), z.string()),
  /** Revision of the source, null outside of a repository. */
  revision: z.string().nullable(),
  machine: z.record(z.string(), z.json()),
  /** ISO 8601. */
  startedAt: z.string(),
  /** ISO 8601; null while it runs, or when it was killed. */
  endedAt: z.string().nullable(),
  /** Exit code; null while it runs, or when it was killed. */
  exit: z.int().nullable(),
});
export type RunRecord = z.infer<typeof runSchema>;
