import { REJECT_SCHEMA, type Reject } from '@vlprm/core/records';
import { VlprmError, type ErrorCode } from '@vlprm/core/runtime';
import { z } from 'zod';

/** A call that failed or whose answer cannot be used, as the ledger keeps it. */
export const failureSchema = z.object({ ok: z.literal(false), code: z.string(), error: z.string() });
export type Failure = z.infer<typeof failureSchema>;

/** An error of a model; one that is not of this project has no code of its own. */
export function toFailure(error: Error): Failure {
  return { ok: false, code: VlprmError.is(error) ? error.code : 'ERR_MODEL_FAILED', error: error.message };
}

/** Codes of answers that came but say nothing that can be used; every other failure is a call that did not come back. */
const UNPARSABLE: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_ANSWER_MALFORMED',
  'ERR_ANSWER_TRUNCATED',
  'ERR_STEP_COUNT',
  'ERR_TRACE_EMPTY',
  'ERR_TRACE_MALFORMED',
]);

export function isUnparsable({ code }: Failure): boolean {
  return UNPARSABLE.has(code);
}

/** The row of `rejects.jsonl` for a failure at a sample. */
export function rejectSample(
  stage: 'sample' | 'judge',
  problemId: string,
  sample: number,
  { code, error }: Failure,
  where: string | null = null,
): Reject {
  return { schema: REJECT_SCHEMA, stage, problemId, sample, code, reason: error, where };
}
