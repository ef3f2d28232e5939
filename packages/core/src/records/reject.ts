import { z } from 'zod';

export const REJECT_SCHEMA = 'vlprm.reject/1';

/**
 * Something that was set aside and why (`vlprm.reject/1`), a JSON line of `rejects.jsonl`. What is set aside is counted
 * and told; it never becomes a label.
 */
export const rejectSchema = z.object({
  schema: z.literal(REJECT_SCHEMA),
  /** Where it happened: before any call, or at a stage of the synthesis. */
  stage: z.enum(['problem', 'sample', 'estimate', 'judge']),
  /** Null when not even an id could be read. */
  problemId: z.string().nullable(),
  /** 0-based sample of the problem; null when the whole problem was set aside. */
  sample: z.int().nonnegative().nullable(),
  /** Stable code of the error, see docs/errors.md. */
  code: z.string().regex(/^ERR_[A-Z_]+$/),
  reason: z.string().min(1),
  /** File with its line, judge or endpoint; null when the problem's id says it all. */
  where: z.string().nullable(),
});
export type Reject = z.infer<typeof rejectSchema>;
