import { z } from 'zod';
import type { BatchEnding } from './batch-script.ts';
import type { JsonReply } from './dialect.ts';
import { tokenize } from './tokenizer.ts';

const lineSchema = z.object({
  custom_id: z.string(),
  method: z.literal('POST'),
  url: z.string(),
  body: z.looseObject({ model: z.string() }),
});
export type Line = z.infer<typeof lineSchema>;

/** The requests of a file, and what makes a batch of it fail; null when nothing does. */
export interface ReadLines {
  readonly lines: readonly Line[];
  /** Of prompts, images left out. */
  readonly tokens: number;
  readonly errors: BatchEnding['errors'] | null;
}

const IMAGE = /data:image[^"]*/g;

/** Reads a file of requests as a service does before it begins. `url` is what every line has to name. */
export function readLines(text: string, url: string, maxRequests: number): ReadLines {
  const rows = text.split('\n').filter((row) => row !== '');
  const parsed = rows.map(readLine);
  const lines = parsed.flatMap((line) => line ?? []);
  const tokens = rows.reduce((sum, row) => sum + tokenize(row.replace(IMAGE, '')).length, 0);
  const error = (code: string, message: string, line: number | null = null) => ({
    lines,
    tokens,
    errors: [{ code, message, line }],
  });
  if (rows.length > maxRequests) return error('too_many_tasks', `The file has more than ${maxRequests} requests.`);
  if (rows.length === 0) return error('empty_file', 'The input file is empty.');
  if (lines.length < rows.length) return error('invalid_json_line', 'A line is no request.', parsed.indexOf(null) + 1);
  if (new Set(lines.map((line) => line.custom_id)).size < lines.length) {
    return error('duplicate_custom_id', 'The custom_id of a request is not unique.');
  }
  const strange = lines.findIndex((line) => line.url !== url);
  if (strange >= 0) return error('invalid_url', 'The url of a request is not that of the batch.', strange + 1);
  return { lines, tokens, errors: null };
}

function readLine(row: string): Line | null {
  try {
    return lineSchema.parse(JSON.parse(row));
  } catch {
    return null;
  }
}

/** A row of an output or error file. */
export function writeRow(
  { custom_id }: Line,
  reply: JsonReply | null,
  error: { readonly code: string; readonly message: string } | null,
): string {
  const id = custom_id.slice(0, 8);
  const response = reply && { status_code: reply.status, request_id: `req_${id}`, body: reply.body };
  return JSON.stringify({ id: `batch_req_${id}`, custom_id, response, error });
}
