import type { z } from 'zod';
import { VlprmError } from './errors.ts';
import type { ErrorCode } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** `steps[2].text`, as a reader would write it; empty for the value itself. */
function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

/** The innermost issue: of a union, the one of the branch that came furthest. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .flat()
    .map(deepest)
    .reduce<Issue | null>((best, next) => (best && best.path.length >= next.path.length ? best : next), null);
  return inner && inner.path.length > 0 ? { ...inner, path: [...issue.path, ...inner.path] } : issue;
}

function schemaOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
}

function versionError(issue: Extract<Issue, { code: 'invalid_value' }>, value: unknown, where: string): VlprmError {
  const found = schemaOf(value);
  const expected = issue.values.map(String).join(' or ');
  return new VlprmError(
    'ERR_SCHEMA_VERSION',
    found === undefined
      ? `no schema field where ${expected} is expected`
      : `schema ${JSON.stringify(found)} where ${expected} is expected`,
    { where, fix: 'import foreign formats with `vlprm import`, or write the file again with this version' },
  );
}

/**
 * Parses a value from outside with its zod schema.
 * `where` names the file with its line, or whatever else the value came from.
 * ERR_SCHEMA_VERSION when the value's `schema` field is another one; else `code` (ERR_FILE_MALFORMED by default) with
 * the path of the first offending field.
 */
export function parseRecord<T>(
  schema: z.ZodType<T>,
  value: unknown,
  where: string,
  code: ErrorCode = 'ERR_FILE_MALFORMED',
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const version = result.error.issues.find((issue) => issue.path.length === 1 && issue.path[0] === 'schema');
  if (version?.code === 'invalid_value') throw versionError(version, value, where);
  const issue = first && deepest(first);
  const path = issue ? fieldPath(issue.path) : '';
  throw new VlprmError(code, issue?.message ?? 'does not fit its schema', {
    where: path === '' ? where : `${where}: ${path}`,
    fix: 'correct this field',
    cause: result.error,
  });
}

/** Parses JSON text, then the record. ERR_FILE_MALFORMED for broken JSON; else as `parseRecord`. */
export function parseJson<T>(schema: z.ZodType<T>, text: string, where: string, code?: ErrorCode): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlprmError('ERR_FILE_MALFORMED', `broken JSON: ${reason}`, { where, fix: 'write the file again', cause });
  }
  return parseRecord(schema, value, where, code);
}
