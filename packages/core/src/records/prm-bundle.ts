import { z } from 'zod';
import { aggregationSchema } from './aggregation.ts';
import { labelSemanticsSchema } from './step.ts';

export const PRM_SCHEMA = 'vlprm.prm/1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * `prm.json` of a PRM bundle: everything that is needed to score with it and to trust the score.
 * Paths are relative to the bundle folder.
 */
export const prmBundleSchema = z.object({
  schema: z.literal(PRM_SCHEMA),
  name: z.string().min(1),
  base: z.object({ name: z.string(), revision: z.string() }),
  files: z.record(z.string(), sha256),
  head: z.object({
    file: z.string(),
    inputSize: z.int().positive(),
    hiddenSize: z.int().nonnegative(),
    features: z.string(),
  }),
  labelTokens: z.object({ positive: z.string(), negative: z.string() }),
  templateHash: sha256,
  processorHash: sha256,
  labelSemantics: labelSemanticsSchema,
  labelRule: z.string(),
  /** Step-score aggregation that the bundle recommends. */
  aggregation: aggregationSchema,
  /** A step is called wrong when p < value. */
  threshold: z.object({ value: z.number(), chosenOn: z.string() }),
  /** Threshold at a fixed false-alarm rate over clean traces, for gates. */
  gateThreshold: z.object({ value: z.number(), falseAlarmRate: z.number(), chosenOn: z.string() }).nullable(),
  temperature: z.number().positive(),
  /** Image-blind bundles hide the image from the base; they exist as a control. */
  blind: z.boolean(),
  metrics: z.record(z.string(), z.number().nullable()),
  supervisedSteps: z.int().nonnegative(),
  data: z.object({ sha256: sha256.nullable(), licenses: z.array(z.string()) }),
  /** Hashes of the problem groups (scenes) that base or head were trained on. */
  groupsSeen: z.array(z.string()),
  seed: z.int(),
  versions: z.record(z.string(), z.string()),
  createdAt: z.string(),
});
export type PrmBundle = z.infer<typeof prmBundleSchema>;
