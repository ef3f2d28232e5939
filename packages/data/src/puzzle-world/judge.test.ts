import { JUDGE_BEHAVIOURS } from '@vlprm/core/testing';
import { createRandom } from '@vlprm/core/runtime';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openEyes } from './eyes.ts';
import { createPuzzleJudge } from './judge.ts';
import { generatePuzzles, presented } from './puzzles.ts';
import { workedSolution } from './worked-solution.ts';

const puzzles = generatePuzzles({ seed: 34, split: 'train', count: 40 });
let eyes: Awaited<ReturnType<typeof openEyes>>;

beforeAll(async () => {
  eyes = await openEyes();
});
afterAll(async () => {
  await eyes.close();
});

describe('the judge of the puzzle world', () => {
  const inProcess = JUDGE_BEHAVIOURS.filter(({ options }) => options?.delayMs === undefined);
  it.each(inProcess.map((behaviour) => [behaviour.name, behaviour] as const))('%s', async (_, behaviour) => {
    const [first, ...others] = puzzles;
    const other = others.find(({ scene }) => scene.family === first!.scene.family);
    const solutions = [first!, other!].map((puzzle) => ({
      ...presented(puzzle),
      steps: workedSolution(puzzle.scene, createRandom(1)),
    }));
    await behaviour.check({
      model: createPuzzleJudge(eyes.judge),
      solutions,
      tricky: null,
      otherImage: other!.png,
      tolerance: 0,
      close: async () => undefined,
    });
  });
});
