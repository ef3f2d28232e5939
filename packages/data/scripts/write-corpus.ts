/**
 * Writes the corpora from which packages/train/python trains the eyes and the tiny VLM base:
 *
 *   npx nx run data:corpus -- --out DIR --seed 41
 *
 * Only scenes of split `base` are drawn; their hashes go into scenes.json. Files (little-endian, row-major):
 *   tokenizer.json                 word-level tokenizer of the step grammar
 *   images.u8        [M, 3, 96, 96]
 *   examples.json    counts, image index and kind of each example
 *   tokens.u16       [N, maxTokens]   0 = padding
 *   supervised.u8    [N, maxTokens]   1 = the token is a target
 *   glimpses-8.u8, glimpses-16.u8     [G, 3, r, r] clean glimpses, 0..255
 *   glimpse-labels.i8                 [G, 5] class of shape, size, color, digit, sides; -1 = not shown
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { downsampleImage, parseTokenizer, type Tokenizer } from '@vlprm/core/models';
import type { Step } from '@vlprm/core/records';
import { createRandom, seedFrom, type Random } from '@vlprm/core/runtime';
import { prmTurns } from '@vlprm/core/text';
import { drawScene, PICTURE_SIZE } from '../src/puzzle-world/drawing.ts';
import { FAMILIES } from '../src/puzzle-world/families/index.ts';
import { ATTRIBUTES, FAMILY_IDS, type Attribute, type Scene } from '../src/puzzle-world/family.ts';
import { RETINA_SIZE, takeGlimpse } from '../src/puzzle-world/glimpse.ts';
import { drawScenes, sceneHash } from '../src/puzzle-world/scene.ts';
import { answerStep, deductionStep, parseDeduction, ruleStep, visibleReading } from '../src/puzzle-world/steps.ts';
import { MAX_TOKENS, tokenizerJson } from '../src/puzzle-world/tokenizer.ts';
import { alterElement, perceptionSteps, workedSolution } from '../src/puzzle-world/worked-solution.ts';

interface Example {
  readonly image: number;
  readonly question: string;
  /** What the example says, and what it would have to say: differing words are not targets. */
  readonly steps: readonly Step[];
  readonly truth: readonly Step[];
}

const ALTER_PERCEPTION = 0.3;
const ALTER_RULE = 0.1;
const ALTER_DEDUCTION = 0.3;

/** The same layout with every spoken and decorating word drawn at random: nothing can be guessed from a pattern. */
function scramble(scene: Scene, random: Random): Scene {
  const redraw = (element: Readonly<Partial<Record<Attribute, string>>>) =>
    Object.fromEntries(
      Object.keys(element).map((attribute) => [attribute, random.pick(ATTRIBUTES[attribute as Attribute])]),
    );
  return { ...scene, elements: scene.elements.map(redraw), decoration: scene.decoration.map(redraw) };
}

function alterPerception(scene: Scene, steps: readonly Step[], random: Random): Step[] {
  const family = FAMILIES[scene.family];
  const reading = [...visibleReading(scene, family)];
  const index = random.int(reading.length);
  const altered = alterElement(family, reading[index] ?? {}, random);
  if (altered === null) return [...steps];
  reading[index] = altered;
  return [...perceptionSteps(family, reading), ...steps.slice(family.rows)];
}

/** Another value than the right one, and the answer that follows from it. */
function alterDeduction(scene: Scene, steps: readonly Step[], random: Random): { said: Step[]; truth: Step[] } {
  const family = FAMILIES[scene.family];
  const deduction = parseDeduction(family, steps.at(-2)?.text ?? '');
  if (deduction === null) throw new Error(`unreadable deduction: ${steps.at(-2)?.text ?? ''}`);
  const value = random.pick(family.values(scene.query).filter((other) => other !== deduction.value));
  const answer = answerStep(scene.query, value);
  return {
    said: [...steps.slice(0, -2), deductionStep(family, { ...deduction, value }), answer],
    truth: [...steps.slice(0, -1), answer],
  };
}

function solutionExample(scene: Scene, image: number, random: Random): Example {
  const family = FAMILIES[scene.family];
  let truth = workedSolution(scene, random);
  let steps = [...truth];
  if (random.uniform() < ALTER_DEDUCTION) ({ said: steps, truth } = alterDeduction(scene, steps, random));
  if (random.uniform() < ALTER_RULE) {
    const rule = (scene.rule + 1 + random.int(family.ruleCount - 1)) % family.ruleCount;
    steps = steps.map((step, i) => (i === family.rows ? ruleStep(family, rule, scene.query) : step));
  }
  if (random.uniform() < ALTER_PERCEPTION) steps = alterPerception(scene, steps, random);
  return { image, question: family.ask(scene.query), steps, truth };
}

function captionExample(scene: Scene, image: number, random: Random): Example {
  const family = FAMILIES[scene.family];
  const truth = perceptionSteps(family, visibleReading(scene, family));
  const steps =
    random.uniform() < ALTER_PERCEPTION ? alterPerception(scene, truth, random).slice(0, family.rows) : truth;
  return { image, question: family.ask(scene.query), steps, truth };
}

/** Token ids and targets of an example; a step's words that differ from the truth are read but not learned. */
function encode(example: Example, tokenizer: Tokenizer): { ids: number[]; supervised: number[] } {
  const said = prmTurns(example.question, example.steps).map((turn) => tokenizer.encode(turn));
  const truth = prmTurns(example.question, example.truth).map((turn) => tokenizer.encode(turn));
  const questionLength =
    tokenizer.encode(prmTurns(example.question, [{ kind: null, text: 'blank' }])[0] ?? '').length - 1;
  const ids: number[] = [];
  const supervised: number[] = [];
  for (const [i, turn] of said.entries()) {
    const expected = truth[i] ?? [];
    const firstDifference = turn.findIndex((id, k) => id !== expected[k]);
    for (const [k, id] of turn.entries()) {
      const inQuestion = i === 0 && k < questionLength;
      const sameForm = turn.length === expected.length;
      const right = sameForm ? id === expected[k] : firstDifference < 0 || k < firstDifference;
      ids.push(id);
      supervised.push(!inQuestion && right ? 1 : 0);
    }
  }
  if (ids.length > MAX_TOKENS) throw new Error(`${ids.length} tokens are more than ${MAX_TOKENS}: ${example.question}`);
  return { ids, supervised };
}

function toRetina(scene: Scene, seed: number): Float32Array {
  const { rgba } = drawScene(scene, seed);
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) rgb.set(rgba.subarray(from, from + 3), to);
  return downsampleImage({ width: PICTURE_SIZE, height: PICTURE_SIZE, rgb }, RETINA_SIZE, RETINA_SIZE);
}

const toBytes = (values: Float32Array): Uint8Array =>
  Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.round(value * 255))));

const LABELS = ['shape', 'size', 'color', 'digit', 'sides'] as const satisfies readonly Attribute[];
const CLEAN = { aimDeviation: 0.8, sensorNoise: 0 };

/** Every visible attribute window of a scene, with the classes that it shows. */
function glimpsesOf(
  scene: Scene,
  retina: Float32Array,
  random: Random,
): { small: Uint8Array; large: Uint8Array; labels: number[] }[] {
  const family = FAMILIES[scene.family];
  const visible = visibleReading(scene, family);
  return visible.flatMap((element, i) => {
    const drawn = { ...scene.decoration[i], ...element };
    if (Object.keys(element).length === 0) return [];
    const windows: Attribute[][] = [
      Object.keys(drawn).filter((a) => a !== 'digit') as Attribute[],
      drawn.digit === undefined ? [] : ['digit'],
    ];
    return windows
      .filter((shown) => shown.length > 0)
      .map((shown) => {
        const attribute = shown[0] ?? 'shape';
        const look = (resolution: number) =>
          toBytes(takeGlimpse(retina, scene.family, i, attribute, { ...CLEAN, resolution }, random));
        const labels = LABELS.map((label) =>
          shown.includes(label) ? (ATTRIBUTES[label] as readonly string[]).indexOf(drawn[label] ?? '') : -1,
        );
        return { small: look(8), large: look(16), labels };
      });
  });
}

function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      seed: { type: 'string', default: '41' },
      captions: { type: 'string', default: '18000' },
      solutions: { type: 'string', default: '26000' },
      eyes: { type: 'string', default: '8000' },
    },
  });
  const out = values.out ?? 'runs/corpus';
  const seed = Number(values.seed);
  const [captions, solutions, eyes] = [values.captions, values.solutions, values.eyes].map(Number) as [
    number,
    number,
    number,
  ];
  mkdirSync(out, { recursive: true });
  const random = createRandom(seedFrom('corpus', seed));
  const solved = drawScenes({ seed, split: 'base', count: solutions });
  const layouts = drawScenes({ seed: seed + 1, split: 'base', count: FAMILY_IDS.length * 200 });
  const captioned = Array.from({ length: captions }, (_, i) => scramble(layouts[i % layouts.length] as Scene, random));
  const scenes = [...solved, ...captioned];

  const tokenizerSource = JSON.stringify(tokenizerJson(), null, 1);
  writeFileSync(join(out, 'tokenizer.json'), tokenizerSource);
  const tokenizer = parseTokenizer(tokenizerSource);
  const images = openSync(join(out, 'images.u8'), 'w');
  const glimpses = {
    small: openSync(join(out, 'glimpses-8.u8'), 'w'),
    large: openSync(join(out, 'glimpses-16.u8'), 'w'),
  };
  const glimpseLabels: number[] = [];
  const tokens = new Uint16Array(scenes.length * MAX_TOKENS);
  const supervised = new Uint8Array(scenes.length * MAX_TOKENS);
  let longest = 0;
  for (const [i, scene] of scenes.entries()) {
    const retina = toRetina(scene, seedFrom('nuisance', seed, i));
    writeSync(images, toBytes(retina));
    const example = i < solved.length ? solutionExample(scene, i, random) : captionExample(scene, i, random);
    const encoded = encode(example, tokenizer);
    longest = Math.max(longest, encoded.ids.length);
    tokens.set(encoded.ids, i * MAX_TOKENS);
    supervised.set(encoded.supervised, i * MAX_TOKENS);
    if (i < eyes) {
      for (const { small, large, labels } of glimpsesOf(scene, retina, random)) {
        writeSync(glimpses.small, small);
        writeSync(glimpses.large, large);
        glimpseLabels.push(...labels);
      }
    }
    if (i % 2000 === 0) process.stderr.write(`corpus: ${i}/${scenes.length}\n`);
  }
  for (const handle of [images, glimpses.small, glimpses.large]) closeSync(handle);
  writeFileSync(join(out, 'tokens.u16'), tokens);
  writeFileSync(join(out, 'supervised.u8'), supervised);
  writeFileSync(join(out, 'glimpse-labels.i8'), Int8Array.from(glimpseLabels));
  writeFileSync(join(out, 'scenes.json'), JSON.stringify(solved.map(sceneHash).sort()));
  writeFileSync(
    join(out, 'examples.json'),
    JSON.stringify({
      seed,
      solutions: solved.length,
      captions: captioned.length,
      eyes,
      maxTokens: MAX_TOKENS,
      longest,
      glimpses: glimpseLabels.length / 5,
      classes: LABELS.map((label) => ATTRIBUTES[label].length),
    }),
  );
  process.stderr.write(`corpus: ${scenes.length} examples, longest ${longest} tokens, in ${out}\n`);
}

main();
