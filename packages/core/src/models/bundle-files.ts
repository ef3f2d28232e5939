import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VlprmError } from '../runtime/errors.ts';

/** Files that lie directly in a bundle folder, with the sha256 of each. */
export const fileHashesSchema = z.record(
  z.string().regex(/^[\w][\w.-]*$/, 'a plain file name'),
  z.string().regex(/^[0-9a-f]{64}$/),
);

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Bytes of a file; ERR_FILE_MISSING when it is not there. */
export async function readBundleFile(folder: string, name: string): Promise<Uint8Array> {
  const path = join(folder, name);
  try {
    return await readFile(path);
  } catch (cause) {
    throw new VlprmError('ERR_FILE_MISSING', `${name} cannot be read`, {
      where: path,
      fix: 'give a complete bundle folder, or train again',
      cause,
    });
  }
}

/** Throws ERR_FILE_MISSING or ERR_BUNDLE_HASH for the first file that is not what the manifest says. */
export async function verifyFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, expected] of Object.entries(files)) {
    if (sha256(await readBundleFile(folder, name)) === expected) continue;
    throw new VlprmError('ERR_BUNDLE_HASH', `${name} is not the file that the manifest names`, {
      where: join(folder, name),
      fix: 'copy the bundle again, or train again',
    });
  }
}

/**
 * Reads a JSON manifest. ERR_FILE_MISSING, ERR_FILE_MALFORMED (no JSON), ERR_SCHEMA_VERSION (another `schema`) or
 * ERR_BUNDLE_INVALID (a field is not as the schema says).
 */
export async function readManifest<T>(folder: string, name: string, version: string, schema: z.ZodType<T>): Promise<T> {
  const where = join(folder, name);
  const json = parseJson(new TextDecoder().decode(await readBundleFile(folder, name)), where);
  const found = z.object({ schema: z.string() }).safeParse(json);
  if (found.success && found.data.schema !== version) {
    throw new VlprmError('ERR_SCHEMA_VERSION', `the schema is ${found.data.schema}, this version reads ${version}`, {
      where,
      fix: 'use the vlprm version that wrote it, or train again',
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new VlprmError('ERR_BUNDLE_INVALID', `field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`, {
    where,
    fix: 'train again',
    cause: parsed.error,
  });
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VlprmError('ERR_FILE_MALFORMED', 'not a JSON document', { where, fix: 'give a whole file', cause });
  }
}
