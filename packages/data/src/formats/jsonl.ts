import type { Trace } from '@vlprm/core/records';
import { parseTrace, readJsonl, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';

/** A lone surrogate as JSON.stringify writes it; `ud800` after an escaped backslash is none. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/**
 * One line of JSONL, with its line break.
 * @throws ERR_TRACE_MALFORMED for text that is not well-formed Unicode
 */
export function jsonLine(row: { readonly id: string }): string {
  const line = JSON.stringify(row);
  if (LONE_SURROGATE.test(line)) {
    throw new VlprmError('ERR_TRACE_MALFORMED', 'a text contains half of a surrogate pair', {
      where: `trace ${row.id}`,
      fix: 'repair the encoding of the text',
    });
  }
  return `${line}\n`;
}

/**
 * Traces of a canonical JSONL file, in order. An error names `file:line` and the field.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION, ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED
 */
export async function* readTracesJsonl(path: string): AsyncGenerator<Trace> {
  for await (const { line, value } of readJsonl(path, z.unknown())) yield parseTrace(value, `${path}:${line}`);
}
