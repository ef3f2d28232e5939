import { decodeImage } from '@vlprm/core/models';
import { describe, expect, it } from 'vitest';
import { CELL_SIZE, drawScene, elementCenter, PICTURE_SIZE } from './drawing.ts';
import { FAMILY_IDS } from './family.ts';
import { editImage, generatePuzzles, presented } from './puzzles.ts';
import { workedSolution } from './worked-solution.ts';
import { createRandom } from '@vlprm/core/runtime';

const puzzles = generatePuzzles({ seed: 21, split: 'test', count: 24 });

/** No mark reaches farther from the centre of its cell, jitter included. */
const REACH = 0.6 * CELL_SIZE;

function changedPixels(before: Uint8Array, after: Uint8Array): { x: number; y: number }[] {
  const pixels = Array.from({ length: PICTURE_SIZE ** 2 }, (_, i) => i);
  const differs = (i: number): boolean => [0, 1, 2].some((c) => before[3 * i + c] !== after[3 * i + c]);
  return pixels.filter(differs).map((i) => ({ x: i % PICTURE_SIZE, y: Math.floor(i / PICTURE_SIZE) }));
}

describe('pictures', () => {
  it('decode to the announced size and never come twice', async () => {
    for (const { png, problem } of puzzles.slice(0, 6)) {
      expect(await decodeImage(png)).toMatchObject({ width: PICTURE_SIZE, height: PICTURE_SIZE });
      expect(problem.images[0]).toMatchObject({ width: PICTURE_SIZE, mime: 'image/png' });
    }
    expect(new Set(puzzles.map(({ problem }) => problem.id)).size).toBe(puzzles.length);
  });

  it('are the same bytes for the same seed', () => {
    const again = generatePuzzles({ seed: 21, split: 'test', count: 24 });
    expect(again.map(({ problem }) => problem.id)).toEqual(puzzles.map(({ problem }) => problem.id));
  });

  it('show every family in turn and give models neither answer nor scene', () => {
    expect(puzzles.slice(0, 6).map(({ scene }) => scene.family)).toEqual([...FAMILY_IDS]);
    for (const puzzle of puzzles) {
      const shown = presented(puzzle);
      expect(Object.keys(shown).sort()).toEqual(['images', 'problem']);
      expect(shown.problem).not.toHaveProperty('answer');
    }
  });

  it('edited by a step differ in one cell of its row and nowhere else', async () => {
    for (const puzzle of puzzles) {
      const steps = workedSolution(puzzle.scene, createRandom(1));
      for (const [row, step] of steps.slice(0, 3).entries()) {
        const edited = editImage(puzzle, step, 4);
        expect(edited).not.toBeNull();
        const [before, after] = await Promise.all([decodeImage(puzzle.png), decodeImage(edited ?? new Uint8Array())]);
        const changed = changedPixels(before.rgb, after.rgb);
        const centers = puzzle.scene.elements.map((_, e) => elementCenter(puzzle.scene.family, e));
        const touched = centers.findIndex(({ x, y }) => changed.every((p) => Math.hypot(p.x - x, p.y - y) < REACH));
        expect(changed.length).toBeGreaterThan(0);
        const columns = puzzle.scene.family === 'polygon-sides' ? 2 : 3;
        expect(Math.floor(touched / columns)).toBe(row);
      }
    }
  });

  it('are not edited by a step that names nothing in them', () => {
    const [puzzle] = puzzles;
    if (puzzle === undefined) throw new Error('no puzzle');
    expect(editImage(puzzle, { kind: 'reasoning', text: 'So the answer is A, small.' }, 1)).toBeNull();
  });

  it('hide what the question asks for: two scenes that differ in the hidden element alone look alike', () => {
    for (const { scene, nuisanceSeed } of puzzles.filter(({ scene }) => scene.query.blank !== null)) {
      const { blank, target } = scene.query;
      const hidden = scene.elements[blank ?? 0] ?? {};
      const other = {
        ...hidden,
        [target]: target === 'digit' ? '5' : target === 'size' ? 'large' : target === 'color' ? 'red' : 'circle',
      };
      const changed = { ...scene, elements: scene.elements.with(blank ?? 0, other) };
      expect(
        Buffer.from(drawScene(changed, nuisanceSeed).png).equals(Buffer.from(drawScene(scene, nuisanceSeed).png)),
      ).toBe(true);
    }
  });
});
