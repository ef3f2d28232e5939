import { createHash } from 'node:crypto';
import { createRandom, seedFrom, type Random } from '@vlprm/core/runtime';
import { VlprmError } from '@vlprm/core/runtime';
import { FAMILIES } from './families/index.ts';
import { FAMILY_IDS, type FamilyId, type Scene } from './family.ts';

/**
 * Which scenes may be used for what. The scene's own hash decides, so that splits are disjoint on every seed:
 * `base` trains eyes and the tiny VLM, `train` makes labelled data, `test` is for evaluation.
 */
export type Split = 'base' | 'train' | 'test';

/** Content hash of what a picture shows and asks, 16 hex digits; equal scenes have equal hashes. */
export function sceneHash(scene: Scene): string {
  const content = JSON.stringify([
    scene.family,
    scene.elements.map((element) => Object.entries(element).sort()),
    scene.decoration.map((element) => Object.entries(element).sort()),
    scene.query.blank,
    scene.query.target,
    scene.query.counted,
  ]);
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** Six tenths of all scenes are `base`, two tenths each `train` and `test`. */
export function splitOf(hash: string): Split {
  const bucket = Number.parseInt(hash.slice(0, 8), 16) % 10;
  return bucket < 6 ? 'base' : bucket < 8 ? 'train' : 'test';
}

export interface SceneOptions {
  readonly seed: number;
  readonly split: Split;
  readonly count: number;
  /** Scene hashes that must not come up. */
  readonly exclude?: ReadonlySet<string>;
  /** Each family equally often unless named here. */
  readonly families?: readonly FamilyId[];
}

const ATTEMPTS_PER_SCENE = 20_000;

function drawScene(family: FamilyId, split: Split, seen: ReadonlySet<string>, random: Random): Scene {
  for (let attempt = 0; attempt < ATTEMPTS_PER_SCENE; attempt++) {
    const scene = FAMILIES[family].sample(random);
    if (scene === null) continue;
    const hash = sceneHash(scene);
    if (splitOf(hash) === split && !seen.has(hash)) return scene;
  }
  throw new VlprmError('ERR_RANGE', `the family ${family} has no further unused scene in split ${split}`, {
    where: 'puzzle count',
    fix: 'ask for fewer puzzles',
  });
}

/** Distinct scenes of one split, the families in turn. Throws ERR_RANGE when a family runs out of scenes. */
export function drawScenes({ seed, split, count, exclude, families = FAMILY_IDS }: SceneOptions): Scene[] {
  const random = createRandom(seedFrom('scenes', split, seed));
  const seen = new Set(exclude);
  return Array.from({ length: count }, (_, i) => {
    const scene = drawScene(families[i % families.length] ?? 'count', split, seen, random);
    seen.add(sceneHash(scene));
    return scene;
  });
}
