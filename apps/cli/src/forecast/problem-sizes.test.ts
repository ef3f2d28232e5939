import { VlprmError } from '@vlprm/core/runtime';
import { rejectProblem, type LoadedProblem } from '@vlprm/data/problems';
import { generatePuzzles } from '@vlprm/data/puzzle-world';
import { expect, it } from 'vitest';
import { measureProblems } from './problem-sizes.ts';

it('counts what a synthesis would ask about, and apart from it what it would set aside', async () => {
  const rows = generatePuzzles({ seed: 1, split: 'train', count: 2 }).map(({ problem, png }): LoadedProblem => {
    return { problem, images: [png] };
  });
  const [first, second] = rows as [LoadedProblem, LoadedProblem];
  const unanswered = { ...second, problem: { ...second.problem, answer: null } };
  const broken = { reject: rejectProblem(null, new VlprmError('ERR_IMAGE_DECODE', 'half an image')) };
  const { problems, setAside } = await measureProblems([first, unanswered, first, broken], null);
  expect(problems.map(({ id }) => id)).toEqual([first.problem.id]);
  expect(setAside).toBe(3);
});
