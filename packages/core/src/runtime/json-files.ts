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

/** A row of a JSONL file that cannot be read, with the error that says why. */
export interface BrokenJsonlRow {
  readonly line: number;
  readonly error: VlprmError;
}

function readRow<T>(
  text: string,
  line: number,
  path: string,
  schema: z.ZodType<T>,
  code?: ErrorCode,
): JsonlRow<T> | BrokenJsonlRow {
  try {
    return { line, value: parseJson(schema, text, `${path}:${line}`, code) };
  } catch (error) {
    if (VlprmError.is(error)) return { line, error };
    throw error;
  }
}

/**
 * Reads a JSONL file row by row for a reader that sets broken rows aside: such a row is given as its error, which names
 * `path:line` and the offending field. Blank lines are passed over. ERR_FILE_MISSING, ERR_FILE_MALFORMED for the file.
 */
export async function* readJsonlRows<T>(
  path: string,
  schema: z.ZodType<T>,
  code?: ErrorCode,
): AsyncGenerator<JsonlRow<T> | BrokenJsonlRow> {
  let line = 0;
  for await (const text of readLines(path)) {
    line += 1;
    const row = line === 1 ? text.replace(BYTE_ORDER_MARK, '') : text;
    if (row.trim() !== '') yield readRow(row, line, path, schema, code);
  }
}

/**
 * Reads a JSONL file row by row; blank lines are passed over. An error names `path:line` and the offending field.
 * ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION, or `code` for a row that does not fit its schema.
 */
export async function* readJsonl<T>(path: string, schema: z.ZodType<T>, code?: ErrorCode): AsyncGenerator<JsonlRow<T>> {
  for await (const row of readJsonlRows(path, schema, code)) {
    if ('error' in row) throw row.error;
    yield row;
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
