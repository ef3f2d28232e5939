import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hashFile } from '../runtime/content-hash.ts';
import { VlprmError } from '../runtime/errors.ts';
import { fileError } from '../runtime/file-errors.ts';

/** Files that lie directly in a bundle folder, with the sha256 of each. */
export const fileHashesSchema = z.record(
  z.string().regex(/^[\w][\w.-]*$/, 'a plain file name'),
  z.string().regex(/^[0-9a-f]{64}$/),
);

/** Bytes of a file; ERR_FILE_MISSING when it is not there. */
export async function readBundleFile(folder: string, name: string): Promise<Uint8Array> {
  const path = join(folder, name);
  try {
    return await readFile(path);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** Text of a UTF-8 file; ERR_FILE_MISSING when it is not there. */
export async function readBundleText(folder: string, name: string): Promise<string> {
  return new TextDecoder().decode(await readBundleFile(folder, name));
}

/** Throws ERR_FILE_MISSING or ERR_BUNDLE_HASH for the first file that is not what the manifest says. */
export async function verifyFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, expected] of Object.entries(files)) {
    if ((await hashFile(join(folder, name))) === expected) continue;
    throw new VlprmError('ERR_BUNDLE_HASH', `${name} is not the file that the manifest names`, {
      where: join(folder, name),
      fix: 'copy the bundle again, or train again',
    });
  }
}
