import { z } from 'zod';
import { imageRefSchema } from './problem.ts';
import { labelSemanticsSchema, traceStepSchema } from './step.ts';

export const TRACE_SCHEMA = 'vlprm.trace/1';

export const outcomeSchema = z.enum(['correct', 'incorrect', 'unparsable', 'failed']);
/** What became of an answer. Only `correct` and `incorrect` say something about the answer itself. */
export type Outcome = z.infer<typeof outcomeSchema>;

export const consensusSchema = z.object({
  rule: z.string().min(1),
  semantics: labelSemanticsSchema,
  kept: z.boolean(),
  reason: z.string(),
  /**
   * Share of the steps in [0, 1] that the labels can be expected to call rightly, a step being wrong from the first error
   * on, where the rule has one; absent or null where it has none.
   */
  confidence: z.number().min(0).max(1).nullable().optional(),
});
export type Consensus = z.infer<typeof consensusSchema>;

export const provenanceSchema = z.looseObject({
  source: z.string(),
  policy: z.string().nullable(),
  judges: z.array(z.string()),
  seed: z.int().nullable(),
  usd: z.number().nonnegative().nullable(),
});
export type Provenance = z.infer<typeof provenanceSchema>;

/**
 * A solution attempt with the evidence and labels of its steps (`vlprm.trace/1`).
 * `id` is a content hash, `groupId` the unit of splitting, `firstError` a flat 0-based index or null.
 */
export const traceSchema = z.object({
  schema: z.literal(TRACE_SCHEMA),
  id: z.string().min(1),
  problemId: z.string().min(1),
  groupId: z.string().min(1),
  images: z.array(imageRefSchema),
  question: z.string().min(1),
  answer: z.string().nullable(),
  steps: z.array(traceStepSchema).min(1),
  finalAnswer: z.string().nullable(),
  outcome: outcomeSchema,
  firstError: z.int().nonnegative().nullable(),
  consensus: consensusSchema.nullable(),
  provenance: provenanceSchema,
});
export type Trace = z.infer<typeof traceSchema>;
