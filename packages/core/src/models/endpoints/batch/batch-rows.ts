import { z } from 'zod';
import { parseJson } from '../failures/server-words.ts';
import { findFailure, type Received } from '../transport.ts';

/** What a row of an output or error file says of its request: an answer or a refusal, or that there is neither. */
export type RowOutcome = Received | { readonly ok: null; readonly reason: string };

export interface AnswerRow {
  /** The `custom_id` of its request. */
  readonly id: string;
  readonly outcome: RowOutcome;
}

const word = z.union([z.string(), z.number().transform(String)]).nullish();
const rowSchema = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.int(), body: z.unknown() }).nullish(),
  error: z.object({ code: word, message: z.string().nullish() }).nullish(),
});
type Row = z.infer<typeof rowSchema>;

/** A chat completion, or what some services write in its place with status 200. */
const bodySchema = z.union([
  z.looseObject({ choices: z.array(z.unknown()) }),
  z.looseObject({ error: z.union([z.string(), z.looseObject({})]) }),
]);

/** The request was never tried: its batch ended before. */
const NOT_TRIED = /expired|cancell?ed/;

/** The HTTP status that an error without a response stands for. */
function statusOf(code: string): number {
  if (/rate_?limit|too_many/.test(code)) return 429;
  return /invalid|unsupported|malformed|not_found|content_?filter/.test(code) ? 400 : 500;
}

function readOutcome({ response, error }: Row): RowOutcome {
  if (response) {
    const { status_code: status, body } = response;
    if (status !== 200)
      return { ok: false, failed: { status, headers: new Headers(), body: JSON.stringify(body ?? {}) } };
    const read = bodySchema.safeParse(body);
    if (!read.success) return { ok: null, reason: 'its answer is no chat completion' };
    return findFailure({ ok: true, chunks: null, json: read.data, headers: new Headers() });
  }
  if (!error) return { ok: null, reason: 'its row has neither a response nor an error' };
  const code = (error.code ?? '').toLowerCase();
  if (NOT_TRIED.test(code)) return { ok: null, reason: error.message ?? code };
  return { ok: false, failed: { status: statusOf(code), headers: new Headers(), body: JSON.stringify({ error }) } };
}

/** Reads a line of an output or error file; null when it cannot be read, and nobody knows whose it is. */
export function readRow(line: string): AnswerRow | null {
  const row = rowSchema.safeParse(parseJson(line));
  return row.success ? { id: row.data.custom_id, outcome: readOutcome(row.data) } : null;
}
