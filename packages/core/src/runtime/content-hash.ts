import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileError } from './file-errors.ts';
import { VlprmError } from './errors.ts';

function refuse(value: unknown, path: string): never {
  const what = typeof value === 'number' ? String(value) : typeof value;
  throw new VlprmError('ERR_INTERNAL', `a value that JSON cannot hold: ${what}`, { where: path });
}

function canonical(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : refuse(value, path);
  if (Array.isArray(value)) return `[${value.map((item, i) => canonical(item, `${path}[${i}]`)).join(',')}]`;
  if (typeof value !== 'object') return refuse(value, path);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return refuse(value, path);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field, `${path}.${key}`)}`);
  return `{${fields.join(',')}}`;
}

/**
 * JSON with keys sorted by UTF-16 code units and no white space: equal values have equal texts, however they were
 * built (as RFC 8785). Fields that are undefined are left out. ERR_INTERNAL for what JSON would drop or change
 * silently: NaN, infinities, dates, maps, typed arrays, functions.
 */
export function canonicalJson(value: unknown): string {
  return canonical(value, '$');
}

/** sha256 of bytes or UTF-8 text, lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** sha256 of the canonical JSON of a value, lower-case hex. */
export function contentHash(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** sha256 of a file's bytes, read as a stream. ERR_FILE_MISSING, ERR_FILE_MALFORMED when it is no readable file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw fileError(path, cause);
  }
  return hash.digest('hex');
}
