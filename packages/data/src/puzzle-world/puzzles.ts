import type { Step } from '@vlprm/core/records';
import { PROBLEM_SCHEMA, type Problem } from '@vlprm/core/records';
import { imageHash, type PresentedProblem } from '@vlprm/core/models';
import { createRandom, seedFrom } from '@vlprm/core/runtime';
import { drawScene, PICTURE_SIZE } from './drawing.ts';
import { FAMILIES } from './families/index.ts';
import { FAMILY_IDS, type Scene } from './family.ts';
import { drawScenes, sceneHash, type SceneOptions } from './scene.ts';
import { finalAnswer, parsePerception, visibleReading } from './steps.ts';
import { alterElement } from './worked-solution.ts';

/** Licence of the puzzles of every family, by `problem.source`, as a Hugging Face licence id. */
export const PUZZLE_LICENSES: Readonly<Record<string, string>> = Object.fromEntries(
  FAMILY_IDS.map((family) => [`puzzle-world/${family}`, 'apache-2.0']),
);

/** A problem with its picture. `scene` and `nuisanceSeed` are for the scorer; models get `presented(puzzle)`. */
export interface Puzzle {
  readonly problem: Problem;
  readonly png: Uint8Array;
  readonly scene: Scene;
  readonly nuisanceSeed: number;
}

function toPuzzle(scene: Scene, nuisanceSeed: number): Puzzle {
  const family = FAMILIES[scene.family];
  const { png } = drawScene(scene, nuisanceSeed);
  const sha256 = imageHash(png);
  const groupId = sceneHash(scene);
  const problem: Problem = {
    schema: PROBLEM_SCHEMA,
    id: `puzzle-${groupId}-${sha256.slice(0, 8)}`,
    groupId,
    images: [{ sha256, mime: 'image/png', width: PICTURE_SIZE, height: PICTURE_SIZE, path: `images/${sha256}.png` }],
    question: family.ask(scene.query),
    options: scene.query.options === null ? null : [...scene.query.options],
    answer: finalAnswer(scene.query, scene.answer),
    source: `puzzle-world/${scene.family}`,
  };
  return { problem, png, scene, nuisanceSeed };
}

/**
 * Distinct puzzles of one split, the families in turn, drawn as PNG. The same options give the same bytes.
 * Throws ERR_RANGE when a family has no further scene.
 */
export function generatePuzzles(options: SceneOptions): Puzzle[] {
  return drawScenes(options).map((scene, i) => toPuzzle(scene, seedFrom('nuisance', options.split, options.seed, i)));
}

/** What a model may see of a puzzle: no answer, no scene. */
export function presented({ problem, png }: Puzzle): PresentedProblem {
  const { answer: _, ...shown } = problem;
  return { problem: shown, images: [png] };
}

/**
 * The picture redrawn with one attribute changed that the given perception step names; everything else, down to the
 * jitter, stays. Null when the step is not a perception row of this puzzle or names nothing that can change.
 */
export function editImage({ scene, nuisanceSeed }: Puzzle, step: Step, seed: number): Uint8Array | null {
  const family = FAMILIES[scene.family];
  const row = Array.from({ length: family.rows }, (_, r) => r).find(
    (r) => parsePerception(family, r, step.text) !== null,
  );
  if (row === undefined) return null;
  const random = createRandom(seedFrom('edit', seed, sceneHash(scene), row));
  const visible = visibleReading(scene, family);
  const columns = random.shuffle(Array.from({ length: family.columns }, (_, column) => row * family.columns + column));
  for (const index of columns) {
    const altered = alterElement(family, visible[index] ?? {}, random);
    if (altered === null) continue;
    const elements = scene.elements.map((element, i) => (i === index ? { ...element, ...altered } : element));
    return drawScene({ ...scene, elements }, nuisanceSeed).png;
  }
  return null;
}
