import { z } from 'zod';

export const DATASET_SCHEMA = 'vlprm.dataset/1';

/** `manifest.json` of a dataset folder: what is in it, where it comes from, and the hash of every file. */
export const datasetManifestSchema = z.object({
  schema: z.literal(DATASET_SCHEMA),
  files: z.array(
    z.object({
      path: z.string().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      rows: z.int().nonnegative(),
      bytes: z.int().nonnegative(),
    }),
  ),
  traces: z.int().nonnegative(),
  kept: z.int().nonnegative(),
  rule: z.string().nullable(),
  threshold: z.number().nullable(),
  splits: z.record(z.string(), z.int().nonnegative()),
  seed: z.int().nullable(),
  licenses: z.record(z.string(), z.string()),
  run: z.string().nullable(),
  createdAt: z.string(),
});
export type DatasetManifest = z.infer<typeof datasetManifestSchema>;
