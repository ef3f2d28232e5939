import { createRandom, seedFrom } from '@vlprm/core/runtime';
import { formatSolution, parseSolution } from '@vlprm/core/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAMILIES, readQuestion } from './families/index.ts';
import { FAMILY_IDS, type FamilyId, type Scene } from './family.ts';
import { drawScenes, sceneHash, splitOf } from './scene.ts';
import { readSolution } from './solution-state.ts';
import {
  deductionStep,
  finalAnswer,
  parseAnswer,
  parseDeduction,
  parsePerception,
  parseRule,
  visibleReading,
} from './steps.ts';
import { stepTruth } from './truth.ts';
import { alterElement, perceptionSteps, rowElements, soundDeductions, workedSolution } from './worked-solution.ts';

const anyFamily = fc.constantFrom(...FAMILY_IDS);
const anySeed = fc.integer({ min: 0, max: 1_000_000 });

const sceneOf = (family: FamilyId, seed: number): Scene => {
  const [scene] = drawScenes({ seed, split: 'train', count: 1, families: [family] });
  if (scene === undefined) throw new Error('no scene');
  return scene;
};

describe.each(FAMILY_IDS)('%s', (id) => {
  const family = FAMILIES[id];

  it('asks a question from which its query can be read', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const { query } = sceneOf(id, seed);
        expect(readQuestion(family.ask(query))).toEqual(query);
      }),
      { numRuns: 40 },
    );
  });

  it('has one rule that fits best, and only that one leads to the answer of the scene', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const scene = sceneOf(id, seed);
        const seen = visibleReading(scene, family);
        const scores = Array.from({ length: family.ruleCount }, (_, rule) =>
          family.consistency(rule, seen, scene.query),
        );
        expect(scores.indexOf(Math.max(...scores))).toBe(scene.rule);
        expect(scores.filter((score) => score === Math.max(...scores))).toHaveLength(1);
        expect(soundDeductions(scene).length).toBeGreaterThan(0);
        for (const { value } of family.deductions(scene.rule, seen, scene.query)) expect(value).toBe(scene.answer);
      }),
      { numRuns: 60 },
    );
  });

  it('hides the answer from what can be seen', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const scene = sceneOf(id, seed);
        const { blank, target } = scene.query;
        if (blank !== null) expect(visibleReading(scene, family)[blank]).not.toHaveProperty(target);
      }),
      { numRuns: 20 },
    );
  });
});

describe('steps', () => {
  it('write a worked solution that holds in its scene, reads back, and survives the step grammar', () => {
    fc.assert(
      fc.property(anyFamily, anySeed, (id, seed) => {
        const scene = sceneOf(id, seed);
        const family = FAMILIES[id];
        const steps = workedSolution(scene, createRandom(seed));
        expect(stepTruth(scene, steps)).toEqual({ local: [true, true, true, true, true, true], firstError: null });
        const state = readSolution(family, scene.query, steps);
        expect(state).toMatchObject({ rule: scene.rule, answer: scene.answer });
        expect(state?.reading).toEqual(visibleReading(scene, family));
        const answer = finalAnswer(scene.query, scene.answer);
        expect(parseSolution(formatSolution(steps, answer))).toEqual({ steps, finalAnswer: answer });
      }),
      { numRuns: 60 },
    );
  });

  it('are told wrong by the scene as soon as one claim is changed', () => {
    fc.assert(
      fc.property(anyFamily, anySeed, fc.nat(8), (id, seed, cell) => {
        const scene = sceneOf(id, seed);
        const family = FAMILIES[id];
        const reading = [...visibleReading(scene, family)];
        const index = cell % reading.length;
        const altered = alterElement(family, reading[index] ?? {}, createRandom(seed));
        fc.pre(altered !== null);
        reading[index] = altered;
        const steps = [
          ...perceptionSteps(family, reading),
          ...workedSolution(scene, createRandom(seed)).slice(family.rows),
        ];
        expect(stepTruth(scene, steps).firstError).toBe(Math.floor(index / family.columns));
      }),
      { numRuns: 60 },
    );
  });

  it('are told wrong when rule, deduction or answer is another', () => {
    const scene = sceneOf('number-triple', 5);
    const family = FAMILIES['number-triple'];
    const steps = workedSolution(scene, createRandom(1));
    const otherRule = {
      kind: 'reasoning' as const,
      text: family.ruleText((scene.rule + 1) % family.ruleCount, scene.query),
    };
    expect(stepTruth(scene, steps.with(3, otherRule)).firstError).toBe(3);
    const deduction = parseDeduction(family, steps[4]?.text ?? '');
    const slipped = deductionStep(family, {
      premise: deduction?.premise ?? '',
      value: scene.answer === '9' ? '8' : '9',
    });
    expect(stepTruth(scene, steps.with(4, slipped)).firstError).toBe(4);
    expect(stepTruth(scene, steps.with(5, { kind: 'reasoning', text: 'So the answer is 0.' })).firstError).toBe(5);
  });

  it.each([
    [
      'a row with a word of another family',
      () => parsePerception(FAMILIES['color-grid'], 0, 'Row 1: red, small, blue.'),
    ],
    ['a row with too few elements', () => parsePerception(FAMILIES['color-grid'], 0, 'Row 1: red, blue.')],
    ['a row of another number', () => parsePerception(FAMILIES['color-grid'], 1, 'Row 1: red, blue, green.')],
    [
      'free prose as rule',
      () => parseRule(FAMILIES['odd-cell'], 'I think it is random.', sceneOf('odd-cell', 1).query),
    ],
    ['a deduction without a conclusion', () => parseDeduction(FAMILIES.count, 'The rows hold 1 and 2 and 3.')],
    [
      'an answer whose letter and word disagree',
      () => {
        const { query } = sceneOf('color-grid', 2);
        return parseAnswer(query, `So the answer is A, ${query.options?.[1] ?? ''}.`);
      },
    ],
  ])('refuse %s', (_, parse) => {
    expect(parse()).toBeNull();
  });

  it('keep rows and elements in place', () => {
    const family = FAMILIES['polygon-sides'];
    const scene = sceneOf('polygon-sides', 3);
    expect(rowElements(scene.elements, 2, family)).toEqual(scene.elements.slice(4, 6));
  });
});

describe('splits', () => {
  it('share no scene on any seed', () => {
    fc.assert(
      fc.property(anySeed, anySeed, (a, b) => {
        const [train, test, base] = (['train', 'test', 'base'] as const).map(
          (split, i) => new Set(drawScenes({ seed: i === 0 ? a : b, split, count: 24 }).map(sceneHash)),
        );
        for (const hash of train ?? []) expect(test?.has(hash) === true || base?.has(hash) === true).toBe(false);
        for (const hash of test ?? []) expect(base?.has(hash)).toBe(false);
      }),
      { numRuns: 10 },
    );
  });

  it('follow from the hash alone, which is stable', () => {
    const scene = sceneOf('count', 11);
    expect(splitOf(sceneHash(scene))).toBe('train');
    expect(sceneHash({ ...scene })).toBe(sceneHash(scene));
    const other = {
      ...scene,
      elements: scene.elements.with(0, { shape: scene.elements[0]?.shape === 'circle' ? 'square' : 'circle' }),
    };
    expect(sceneHash(other)).not.toBe(sceneHash(scene));
  });

  it('give distinct scenes, the same on the same seed, none that is excluded', () => {
    const options = { seed: seedFrom('x'), split: 'test', count: 60 } as const;
    const hashes = drawScenes(options).map(sceneHash);
    expect(new Set(hashes).size).toBe(60);
    expect(drawScenes(options).map(sceneHash)).toEqual(hashes);
    const without = drawScenes({ ...options, exclude: new Set(hashes) }).map(sceneHash);
    expect(without.filter((hash) => hashes.includes(hash))).toEqual([]);
  });

  it('say when a family has no scene left', () => {
    const few = drawScenes({ seed: 1, split: 'test', count: 300, families: ['number-triple'] });
    expect(new Set(few.map(sceneHash)).size).toBe(300);
  });
});
