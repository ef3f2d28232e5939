import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBaseModel, readGroupsSeen } from '@vlprm/core/models';
import { StepReader } from '@vlprm/core/models/onnx';
import { createPuzzlePolicy, generatePuzzles, openEyes, presented, splitOf, stepTruth } from '@vlprm/data/puzzle-world';
import { describe, expect, it } from 'vitest';
import { shippedBaseFolder } from './base-folder.ts';

const folder = shippedBaseFolder();

/** Mean of the largest surprise in a perception step, apart for steps that hold and steps that do not. */
async function surpriseOf(blind: boolean): Promise<{ right: number; wrong: number }> {
  const puzzles = generatePuzzles({ seed: 71, split: 'test', count: 60 });
  const eyes = await openEyes();
  const reader = await StepReader.open(folder, { blind });
  try {
    const prefixes = puzzles.map((puzzle) => ({ ...presented(puzzle), steps: [] }));
    const { proposals } = await createPuzzlePolicy(eyes.policy).propose(prefixes, { n: 3, stop: 'end', seed: 1 });
    const solutions = proposals.flatMap((own, i) =>
      own.flatMap((sample) => (sample.ok ? [{ puzzle: puzzles[i]!, steps: sample.value.steps }] : [])),
    );
    const rows = await reader.read(solutions.map(({ puzzle, steps }) => ({ ...presented(puzzle), steps })));
    const { hiddenSize } = await readBaseModel(folder);
    const sums = { right: [0, 0], wrong: [0, 0] };
    solutions.forEach(({ puzzle, steps }, i) => {
      const { local } = stepTruth(puzzle.scene, steps);
      for (const step of [0, 1, 2]) {
        const sum = sums[local[step] === true ? 'right' : 'wrong'];
        sum[0]! += rows.features[(rows.offsets[i]! + step) * rows.width + hiddenSize]!;
        sum[1]! += 1;
      }
    });
    return { right: sums.right[0]! / sums.right[1]!, wrong: sums.wrong[0]! / sums.wrong[1]! };
  } finally {
    await reader.close();
    await eyes.close();
  }
}

describe('the shipped base', () => {
  it('is what its manifest says', async () => {
    const { files } = JSON.parse(await readFile(join(folder, 'base.json'), 'utf8')) as {
      files: Record<string, string>;
    };
    for (const [name, sha256] of Object.entries(files)) {
      expect(
        createHash('sha256')
          .update(await readFile(join(folder, name)))
          .digest('hex'),
      ).toBe(sha256);
    }
  });

  it('has seen no scene that may be trained or tested on', async () => {
    const seen = await readGroupsSeen(folder, await readBaseModel(folder));
    expect(seen.length).toBeGreaterThan(10_000);
    expect(seen.filter((hash) => splitOf(hash) !== 'base')).toEqual([]);
  });

  it('is surprised by what the picture does not show, and cannot tell without the picture', async () => {
    const sighted = await surpriseOf(false);
    const blind = await surpriseOf(true);
    expect(sighted.wrong).toBeGreaterThan(4 * sighted.right);
    expect(blind.wrong).toBeLessThan(2 * blind.right);
  }, 60_000);
});
