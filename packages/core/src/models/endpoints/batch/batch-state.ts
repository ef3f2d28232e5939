import { z } from 'zod';

const text = z.string().nullish();

/** A batch as the services of OpenAI and Azure tell it: https://platform.openai.com/docs/api-reference/batch/object */
export const batchStateSchema = z
  .object({
    id: z.string().min(1),
    status: z.string(),
    input_file_id: z.string(),
    output_file_id: text,
    error_file_id: text,
    errors: z
      .object({ data: z.array(z.object({ code: text, message: text, line: z.int().nullish() })).nullish() })
      .nullish(),
    request_counts: z.object({ completed: z.int(), failed: z.int() }).nullish().catch(null),
    created_at: z.number().nullish(),
  })
  .transform((wire) => ({
    id: wire.id,
    status: wire.status,
    inputFile: wire.input_file_id,
    /** Azure writes an empty id where there is no file. */
    answerFiles: [wire.output_file_id, wire.error_file_id].flatMap((id) => id || []),
    /** Why it failed; `line` counts from 1. */
    errors: (wire.errors?.data ?? []).map(({ code, message, line }) => ({
      code: code ?? '',
      message: message ?? 'without a word',
      line: line ?? null,
    })),
    /** Requests that were answered, well or not; null when the service does not tell. */
    answered: wire.request_counts ? wire.request_counts.completed + wire.request_counts.failed : null,
    /** Unix time in seconds. */
    createdAt: wire.created_at ?? null,
  }));
export type BatchState = z.output<typeof batchStateSchema>;

/** `open`: it goes on; `ended`: its files have all that it will ever answer; `unknown`: nobody knows. */
export type BatchPhase = 'open' | 'ended' | 'failed' | 'unknown';

const PHASES: Readonly<Record<string, BatchPhase>> = {
  validating: 'open',
  in_progress: 'open',
  finalizing: 'open',
  cancelling: 'open',
  canceling: 'open',
  completed: 'ended',
  expired: 'ended',
  cancelled: 'ended',
  canceled: 'ended',
  failed: 'failed',
};

export function phaseOf({ status }: Pick<BatchState, 'status'>): BatchPhase {
  return (Object.hasOwn(PHASES, status) ? PHASES[status] : undefined) ?? 'unknown';
}

const QUEUE_FULL = /token_limit_exceeded|enqueued tokens?\b/i;

/** Do these words of a service say that too many tokens wait at it already? Such a batch may be made again later. */
export const saysQueueFull = (words: string): boolean => QUEUE_FULL.test(words);

/** Was the batch refused because too many tokens wait already? */
export function isQueueFull(state: BatchState): boolean {
  return phaseOf(state) === 'failed' && state.errors.some(({ code, message }) => saysQueueFull(`${code} ${message}`));
}
