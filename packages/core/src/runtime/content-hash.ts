import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileError } from './file-errors.ts';
import { VlprmError } from './errors.ts';

type Path = (string | number)[];

function refuse(value: unknown, path: Path): never {
  const what = typeof value === 'number' ? String(value) : typeof value;
  const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  throw new VlprmError('ERR_INTERNAL', `a value that JSON cannot hold: ${what}`, { where: `$${where}` });
}

/** Anything but what a JSON text holds as it is: quotes, backslashes, control characters, surrogates. */
const TO_ESCAPE = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

function quoted(text: string): string {
  return TO_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function canonicalList(items: readonly unknown[], path: Path): string {
  let text = '';
  for (let i = 0; i < items.length; i++) {
    path.push(i);
    text += `${i === 0 ? '' : ','}${canonical(items[i], path)}`;
    path.pop();
  }
  return `[${text}]`;
}

function canonicalFields(value: object, path: Path): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return refuse(value, path);
  const fields = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const key of Object.keys(fields).sort()) {
    const field = fields[key];
    if (field === undefined) continue;
    path.push(key);
    text += `${text === '' ? '' : ','}${quoted(key)}:${canonical(field, path)}`;
    path.pop();
  }
  return `{${text}}`;
}

function canonical(value: unknown, path: Path): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : refuse(value, path);
  if (typeof value !== 'object') return refuse(value, path);
  return Array.isArray(value) ? canonicalList(value, path) : canonicalFields(value, path);
}

/**
 * JSON with keys sorted by UTF-16 code units and no white space: equal values have equal texts, however they were
 * built (as RFC 8785). Fields that are undefined are left out. ERR_INTERNAL for what JSON would drop or change
 * silently: NaN, infinities, dates, maps, typed arrays, functions.
 */
export function canonicalJson(value: unknown): string {
  return canonical(value, []);
}

/** sha256 of bytes or UTF-8 text, lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}

/** sha256 of the canonical JSON of a value, lower-case hex. */
export function contentHash(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** sha256 of a file's bytes, read as a stream. ERR_FILE_MISSING, ERR_FILE_MALFORMED when it is no readable file. */
export async function hashFile(path: string): Promise<string> {
  const digest = createHash('sha256');
  try {
    await pipeline(createReadStream(path), digest);
  } catch (cause) {
    throw fileError(path, cause);
  }
  return digest.digest('hex');
}
