import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

async function writtenAt(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The newest `<runs>/<run>/prm` that holds a manifest, by the time its manifest was written; null when there is none. */
export async function findNewestPrm(runs: string): Promise<string | null> {
  let newest: { folder: string; time: number } | null = null;
  for (const run of (await foldersIn(runs)).sort()) {
    const folder = join(runs, run, 'prm');
    const time = await writtenAt(join(folder, 'prm.json'));
    if (time !== null && (newest === null || time >= newest.time)) newest = { folder, time };
  }
  return newest?.folder ?? null;
}
