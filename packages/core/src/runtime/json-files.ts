import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { VlprmError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { fileError } from './file-errors.ts';
import { parseJson } from './parse-record.ts';

const BYTE_ORDER_MARK = /^\uFEFF/;

/** A row of a JSONL file with the 1-based number of its line. */
export interface JsonlRow<T> {
  readonly line: number;
  readonly value: T;
}

/** Lines of a text file, one at a time. ERR_FILE_MISSING, or ERR_FILE_MALFORMED when it is no readable file. */
async function* readLines(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (cause) {
    throw VlprmError.is(cause) ? cause : fileError(path, cause);
  }
  yield rest;
}

/**
 * Reads a JSONL file row by row; blank lines are passed over. An error names `path:line` and the offending field.
 * ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION, or `code` for a row that does not fit its schema.
 */
export async function* readJsonl<T>(path: string, schema: z.ZodType<T>, code?: ErrorCode): AsyncGenerator<JsonlRow<T>> {
  let line = 0;
  for await (const text of readLines(path)) {
    line += 1;
    const row = line === 1 ? text.replace(BYTE_ORDER_MARK, '') : text;
    if (row.trim() !== '') yield { line, value: parseJson(schema, row, `${path}:${line}`, code) };
  }
}

/** Reads a JSON file. Errors as `readJsonl`. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, code?: ErrorCode): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw fileError(path, cause);
  }
  return parseJson(schema, text.replace(BYTE_ORDER_MARK, ''), path, code);
}
