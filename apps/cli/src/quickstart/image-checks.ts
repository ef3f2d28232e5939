import type { ProcessRewardModel } from '@vlprm/core';
import { createRandom, seedFrom } from '@vlprm/core/runtime';
import { editImage, type Puzzle } from '@vlprm/data/puzzle-world';
import type { Report } from '../report/report-schema.ts';
import { asSolution, scoreInCalls, type KnownSolution } from './scored-solutions.ts';
import type { StageContext } from './stage-context.ts';
import { familyOf } from './truth.ts';

/** A solution without an error by the scene, and the PRM's probabilities of its steps with its own picture. */
export interface CleanSolution extends KnownSolution {
  readonly probabilities: Float32Array;
}

export interface ScoredUnder {
  readonly prm: ProcessRewardModel;
  readonly gateThreshold: number;
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number | null {
  return items.length === 0 ? null : items.filter(holds).length / items.length;
}

/** Another puzzle of the same family for every puzzle that has one. */
export function swapPartners(puzzles: readonly Puzzle[], seed: number): Map<string, Puzzle> {
  const random = createRandom(seedFrom('swap', seed));
  const families = new Map<string, Puzzle[]>();
  for (const puzzle of puzzles) {
    const family = familyOf(puzzle.problem.source);
    families.set(family, [...(families.get(family) ?? []), puzzle]);
  }
  const partners = new Map<string, Puzzle>();
  for (const members of families.values()) {
    const shuffled = random.shuffle(members);
    shuffled.forEach((puzzle, i) => {
      const partner = shuffled[(i + 1) % shuffled.length];
      if (partner !== undefined && partner !== puzzle) partners.set(puzzle.problem.id, partner);
    });
  }
  return partners;
}

/** Number of leading perception steps. */
function perceptionLength({ steps }: KnownSolution): number {
  const end = steps.findIndex((step) => step.kind !== 'perception');
  return end < 0 ? steps.length : end;
}

/**
 * Clean solutions under another picture of the same family. A score depends on what stands before it only, so the
 * perception steps alone are read under the other picture.
 */
export async function checkImageSwap(
  clean: readonly CleanSolution[],
  partners: ReadonlyMap<string, Puzzle>,
  { prm, gateThreshold }: ScoredUnder,
  context: StageContext,
): Promise<Report['gates']['imageSwap']> {
  const pairs = clean.flatMap((solution) => {
    const partner = partners.get(solution.puzzle.problem.id);
    return partner === undefined ? [] : [{ solution, partner, length: perceptionLength(solution) }];
  });
  const after = await scoreInCalls(
    prm,
    pairs.map(({ solution, partner, length }) =>
      asSolution({ puzzle: solution.puzzle, steps: solution.steps.slice(0, length) }, partner.png),
    ),
    'swap pictures',
    context,
  );
  const before = pairs.map(({ solution, length }) => solution.probabilities.subarray(0, length));
  const flagged = (scores: Float32Array): boolean => scores.some((p) => p < gateThreshold);
  return {
    traces: pairs.length,
    meanPBefore: meanOf(before.flatMap((scores) => [...scores])),
    meanPAfter: meanOf(after.flatMap((scores) => [...scores])),
    flaggedBefore: shareOf(before, flagged),
    flagged: shareOf(after, flagged),
  };
}

/** A clean solution whose picture was redrawn with one attribute changed that its step `step` claims. */
export interface EditedSolution {
  readonly solution: CleanSolution;
  readonly step: number;
  readonly png: Uint8Array;
}

/** One edit a puzzle: its first clean solution, a perception step drawn by the seed. */
export function editPictures(clean: readonly CleanSolution[], seed: number): EditedSolution[] {
  const firsts = new Map(clean.toReversed().map((solution) => [solution.puzzle.problem.id, solution]));
  return [...firsts.values()].flatMap((solution) => {
    const random = createRandom(seedFrom('edit', seed, solution.puzzle.problem.id));
    const order = random.shuffle(Array.from({ length: perceptionLength(solution) }, (_, step) => step));
    for (const step of order) {
      const claim = solution.steps[step];
      const png = claim === undefined ? null : editImage(solution.puzzle, claim, seed);
      if (png !== null) return [{ solution, step, png }];
    }
    return [];
  });
}

/** The claiming steps of edited pictures, before and after. */
export async function checkImageEdits(
  edits: readonly EditedSolution[],
  probabilitiesBefore: (edit: EditedSolution) => Float32Array,
  { prm, gateThreshold }: ScoredUnder,
  context: StageContext,
): Promise<Report['gates']['imageEdit']> {
  const scores = await scoreInCalls(
    prm,
    edits.map(({ solution, step, png }) =>
      asSolution({ puzzle: solution.puzzle, steps: solution.steps.slice(0, step + 1) }, png),
    ),
    'edit pictures',
    context,
  );
  const after = scores.map((row, i) => row[edits[i]?.step ?? 0] ?? Number.NaN);
  const before = edits.map((edit) => probabilitiesBefore(edit)[edit.step] ?? Number.NaN);
  const flagged = (p: number): boolean => p < gateThreshold;
  return {
    edits: edits.length,
    meanPBefore: meanOf(before),
    meanPAfter: meanOf(after),
    flaggedBefore: shareOf(before, flagged),
    flagged: shareOf(after, flagged),
  };
}
