import { VlprmError } from '@vlprm/core/runtime';
import { readProblems, type ImageOrigin, type LoadedProblem } from '@vlprm/data/problems';
import { generatePuzzles } from '@vlprm/data/puzzle-world';

const PUZZLES = 'puzzles:';

function puzzleCount(text: string): number {
  const count = Number(text.slice(PUZZLES.length));
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new VlprmError('ERR_RANGE', `--problems ${text} names no number of puzzles`, {
    fix: 'write puzzles:N with N of 1 or more, e.g. puzzles:100',
  });
}

/**
 * Problems of `puzzles:N` (N training puzzles of the seed) or of a JSONL file.
 * @throws ERR_RANGE, or what reading the file throws
 */
export async function loadProblems(
  source: string,
  seed: number,
  images: Omit<ImageOrigin, 'folder'>,
): Promise<LoadedProblem[]> {
  if (!source.startsWith(PUZZLES)) return readProblems(source, images);
  const puzzles = generatePuzzles({ seed, split: 'train', count: puzzleCount(source) });
  return puzzles.map(({ problem, png }) => ({ problem, images: [png] }));
}
