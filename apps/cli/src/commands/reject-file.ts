import { open } from 'node:fs/promises';
import { writeAtomically } from '@vlprm/core/runtime';
import type { LabelledProblem } from '@vlprm/data/synthesis';

/**
 * Writes `rejects.jsonl`, a line for everything that was set aside, while `work` goes through the problems: as a whole or
 * not at all. Empty when nothing was.
 */
export async function writeRejects<T>(
  path: string,
  work: (keep: (problem: LabelledProblem) => Promise<void>) => Promise<T>,
): Promise<T> {
  let result: T | undefined;
  await writeAtomically(path, async (temporary) => {
    const file = await open(temporary, 'wx');
    try {
      result = await work(async ({ rejects }) => {
        if (rejects.length > 0) await file.write(rejects.map((reject) => `${JSON.stringify(reject)}\n`).join(''));
      });
    } finally {
      await file.close();
    }
  });
  return result as T;
}
