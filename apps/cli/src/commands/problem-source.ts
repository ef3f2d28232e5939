import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { VlprmError } from '@vlprm/core/runtime';
import { streamProblems, type ImageOrigin, type ProblemSource } from '@vlprm/data/problems';
import { generatePuzzles } from '@vlprm/data/puzzle-world';

const PUZZLES = 'puzzles:';

function puzzleCount(text: string): number {
  const count = Number(text.slice(PUZZLES.length));
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new VlprmError('ERR_RANGE', `--problems ${text} names no number of puzzles`, {
    fix: 'write puzzles:N with N of 1 or more, e.g. puzzles:100',
  });
}

/** A problem source, and how many rows it has where that is known. */
export interface NamedProblems {
  readonly problems: ProblemSource;
  readonly total: number | null;
}

/** Lines that are not empty; null for a file that cannot be read: whoever reads it says why. */
async function countLines(path: string): Promise<number | null> {
  let count = 0;
  try {
    for await (const line of createInterface(createReadStream(path))) if (line.trim() !== '') count += 1;
    return count;
  } catch {
    return null;
  }
}

/**
 * Problems of `puzzles:N` (N training puzzles of the seed) or of a JSONL file, whose rows are read as they are needed.
 * @throws ERR_RANGE for a number of puzzles that is none
 */
export async function problemSource(
  source: string,
  seed: number,
  images: Omit<ImageOrigin, 'folder'>,
): Promise<NamedProblems> {
  if (!source.startsWith(PUZZLES)) {
    return { problems: streamProblems(source, images), total: await countLines(source) };
  }
  const puzzles = generatePuzzles({ seed, split: 'train', count: puzzleCount(source) });
  return { problems: puzzles.map(({ problem, png }) => ({ problem, images: [png] })), total: puzzles.length };
}
