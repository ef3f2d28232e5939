import { z } from 'zod';

export const AUDIT_SCHEMA = 'vlprm.audit/1';

/**
 * One trace picked for an audit, and what the auditor found (`vlprm.audit/1`), a JSON line of an audit file.
 * `weight` is one over the probability with which the trace was picked: weighted counts stand for the whole dataset.
 */
export const auditSchema = z.object({
  schema: z.literal(AUDIT_SCHEMA),
  traceId: z.string().min(1),
  /** What made the trace worth a look, e.g. `judge-correct-mc-disagrees`. */
  stratum: z.string().min(1),
  weight: z.number().positive(),
  /** Null until somebody has looked. */
  finding: z
    .object({
      /** Flat 0-based index of the first wrong step; null when all steps are right. */
      firstError: z.int().nonnegative().nullable(),
      /** Who looked: a person's name, or a model's. */
      by: z.string().min(1),
    })
    .nullable(),
});
export type Audit = z.infer<typeof auditSchema>;
