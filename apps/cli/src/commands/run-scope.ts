import { EXIT, VlprmError, type RunStart } from '@vlprm/core/runtime';
import { createRunFolder, type RunPaths } from '@vlprm/data/storage';
import { VERSIONS } from '../version.ts';

function exitOf(error: unknown): number {
  return VlprmError.is(error) ? error.exitCode : EXIT.internal;
}

/**
 * Begins the run of a folder, or takes it up where it stopped, works in it, and records how it ended.
 * @throws ERR_RUN_MISMATCH when the folder holds a run of another command, configuration or seed; what `work` throws
 */
export async function inRunFolder<T>(
  folder: string,
  start: RunStart,
  work: (paths: RunPaths) => Promise<T>,
): Promise<T> {
  const run = createRunFolder(folder, { versions: VERSIONS });
  await run.begin(start);
  try {
    const result = await work(run.paths);
    await run.finish(EXIT.done);
    return result;
  } catch (error) {
    await run.finish(exitOf(error));
    throw error;
  }
}
