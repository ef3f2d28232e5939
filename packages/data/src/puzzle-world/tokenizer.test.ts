import { parseTokenizer } from '@vlprm/core/models';
import { createRandom } from '@vlprm/core/runtime';
import { formatSteps, prmTurns } from '@vlprm/core/text';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from './families/index.ts';
import { drawScenes } from './scene.ts';
import { MAX_TOKENS, tokenizerJson } from './tokenizer.ts';
import { workedSolution } from './worked-solution.ts';

const tokenizer = parseTokenizer(JSON.stringify(tokenizerJson()));
const ids = (text: string): readonly number[] => tokenizer.encode(text);

describe('the tokenizer of the puzzle world', () => {
  it('knows every word of questions and solutions and reads a whole solution as its turns', () => {
    for (const [i, scene] of drawScenes({ seed: 8, split: 'test', count: 120 }).entries()) {
      const question = FAMILIES[scene.family].ask(scene.query);
      const steps = workedSolution(scene, createRandom(i));
      const turns = prmTurns(question, steps).flatMap(ids);
      const [whole] = prmTurns(question, [{ kind: null, text: formatSteps(steps) }]);
      expect(turns.every((id) => id > 1)).toBe(true);
      expect(ids(whole ?? '')).toEqual(turns);
      expect(turns.length).toBeLessThanOrEqual(MAX_TOKENS);
    }
  });

  it('gives both names of the perception section the same id', () => {
    expect(ids('[Perception]')).toEqual(ids('[Visual Elements]'));
  });
});
