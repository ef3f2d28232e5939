import type { ProcessRewardModel, Solution } from '@vlprm/core';
import { NO_USAGE } from '@vlprm/core/records';
import { createEvents } from '@vlprm/core/runtime';
import { generatePuzzles, type Puzzle } from '@vlprm/data/puzzle-world';
import { describe, expect, it } from 'vitest';
import { checkImageEdits, checkImageSwap, editPictures, swapPartners, type CleanSolution } from './image-checks.ts';
import { familyOf } from './truth.ts';

const puzzles = generatePuzzles({ seed: 11, split: 'test', count: 12 });
const context = { signal: new AbortController().signal, events: createEvents() };

/** Trusts a step with the own picture of its puzzle and with no other. */
function pictureReader(): ProcessRewardModel & { readonly seen: Solution[] } {
  const seen: Solution[] = [];
  const own = new Map(puzzles.map((puzzle) => [puzzle.problem.id, puzzle.png]));
  return {
    name: 'picture-reader',
    capabilities: { images: true, maxSteps: null },
    threshold: 0.5,
    seen,
    scoreSteps: (solutions) => {
      seen.push(...solutions);
      const scores = solutions.map(({ problem, images, steps }) => {
        const p = images[0] === own.get(problem.id) ? 0.9 : 0.1;
        const probabilities = Float32Array.from(steps, () => p);
        return { logits: probabilities, probabilities, tokens: 1 };
      });
      return Promise.resolve({ scores, forwards: solutions.length, usage: NO_USAGE });
    },
  };
}

function clean(puzzle: Puzzle): CleanSolution {
  const steps = [
    { kind: 'perception' as const, text: 'seen' },
    { kind: 'perception' as const, text: 'seen too' },
    { kind: 'reasoning' as const, text: 'concluded' },
  ];
  return {
    puzzle,
    steps,
    truth: { local: [true, true, true], firstError: null },
    probabilities: Float32Array.from([0.9, 0.9, 0.1]),
  };
}

describe('swapPartners', () => {
  it('pairs every puzzle with another one of its family, the same ones for the same seed', () => {
    const partners = swapPartners(puzzles, 1);
    expect(partners.size).toBe(puzzles.length);
    for (const puzzle of puzzles) {
      const partner = partners.get(puzzle.problem.id);
      expect(partner).not.toBe(puzzle);
      expect(familyOf(partner?.problem.source ?? '')).toBe(familyOf(puzzle.problem.source));
    }
    expect(swapPartners(puzzles, 1)).toEqual(partners);
  });

  it('leaves out a puzzle that is alone in its family', () => {
    expect(swapPartners(puzzles.slice(0, 1), 1).size).toBe(0);
  });
});

describe('checkImageSwap', () => {
  it('reads the perception steps under the other picture, and takes the false alarms from the own one', async () => {
    const prm = pictureReader();
    const swap = await checkImageSwap(
      puzzles.map(clean),
      swapPartners(puzzles, 1),
      { prm, gateThreshold: 0.5 },
      context,
    );
    expect(swap).toMatchObject({ traces: 12, flagged: 1, flaggedBefore: 0 });
    expect(swap.meanPBefore).toBeCloseTo(0.9);
    expect(swap.meanPAfter).toBeCloseTo(0.1);
    expect(prm.seen.every(({ steps }) => steps.length === 2)).toBe(true);
  });

  it('has no shares without a clean solution', async () => {
    const swap = await checkImageSwap([], new Map(), { prm: pictureReader(), gateThreshold: 0.5 }, context);
    expect(swap).toEqual({ traces: 0, meanPBefore: null, meanPAfter: null, flagged: null, flaggedBefore: null });
  });
});

describe('checkImageEdits', () => {
  it('looks at the claiming step alone', async () => {
    const [puzzle] = puzzles;
    const solution = { ...clean(puzzle!), probabilities: Float32Array.from([0.2, 0.9, 0.1]) };
    const edit = { solution, step: 1, png: puzzles[1]!.png };
    const checked = await checkImageEdits(
      [edit],
      ({ solution: own }) => own.probabilities,
      { prm: pictureReader(), gateThreshold: 0.5 },
      context,
    );
    expect(checked).toMatchObject({ edits: 1, flagged: 1, flaggedBefore: 0 });
  });

  it('edits nothing that no step claims', () => {
    expect(editPictures(puzzles.map(clean), 1)).toEqual([]);
  });
});
