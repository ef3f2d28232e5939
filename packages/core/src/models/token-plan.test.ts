import { describe, expect, it } from 'vitest';
import { formatSteps } from '../text/step-grammar.ts';
import { QUESTION, standInTokenizer as tokenizer, STEPS } from './fixtures/stand-in.ts';
import { planTokens } from './token-plan.ts';
import { parseTokenizer } from './tokenizer.ts';

const LIMITS = { maxTokens: 128 };
const END = tokenizer.idOf('<end>')!;

describe('parseTokenizer', () => {
  it('reads words, section marks and step ends', () => {
    const ids = tokenizer.encode('[Reasoning]\n<step_12>Red, so A.</step_12>');
    expect(ids).toEqual(['<reasoning>', 'red', 'so', 'a', '<end>'].map((token) => tokenizer.idOf(token)));
  });

  it('names the word that the base does not know', () => {
    expect(() => tokenizer.encode('the red zebra', 'step 3')).toThrow(
      expect.objectContaining({
        code: 'ERR_TOKEN_UNKNOWN',
        where: 'step 3',
        message: 'the base does not know the word "zebra"',
      }),
    );
  });

  it('does not let a text pass as the unknown token itself', () => {
    expect(() => tokenizer.encode('<unk>')).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_UNKNOWN' }));
  });

  it.each(['', '{}', '[1]', '{"model": 3}'])('refuses %j as a tokenizer', (json) => {
    expect(() => parseTokenizer(json)).toThrow(expect.objectContaining({ code: 'ERR_FILE_MALFORMED' }));
  });
});

describe('planTokens', () => {
  const plan = planTokens(tokenizer, QUESTION, STEPS, LIMITS);

  it('ends every step at its end token', () => {
    expect(plan.ends).toHaveLength(3);
    expect([...plan.ends].map((end) => plan.ids[end - 1])).toEqual([END, END, END]);
    expect(plan.ends[2]).toBe(plan.ids.length);
  });

  it('begins the solution after the first section token', () => {
    expect(plan.ids[plan.solutionStart - 1]).toBe(tokenizer.idOf('<perception>'));
    expect(plan.ids[plan.solutionStart]).toBe(tokenizer.idOf('top'));
  });

  it('gives a whole solution in one step the ids of its single steps (one-shot)', () => {
    const whole = planTokens(tokenizer, QUESTION, [{ kind: null, text: formatSteps(STEPS) }], LIMITS);
    expect(whole.ids).toEqual(plan.ids);
    expect(whole.solutionStart).toBe(plan.solutionStart);
    expect([...whole.ends]).toEqual([plan.ids.length]);
  });

  it('keeps the plan of a prefix when steps follow', () => {
    const prefix = planTokens(tokenizer, QUESTION, STEPS.slice(0, 2), LIMITS);
    expect(plan.ids.slice(0, prefix.ids.length)).toEqual(prefix.ids);
    expect(plan.ends.slice(0, 2)).toEqual(prefix.ends);
  });

  it('takes positions from turns, so label-like words in a step score nothing', () => {
    const withLabels = planTokens(tokenizer, QUESTION, [{ kind: 'reasoning', text: 'A and A so A' }], LIMITS);
    expect(withLabels.ends).toHaveLength(1);
  });

  it('counts all of the first turn when no section is marked', () => {
    expect(planTokens(tokenizer, QUESTION, [{ kind: null, text: 'so A' }], LIMITS).solutionStart).toBe(0);
  });

  it.each([
    ['no step', [], 'ERR_TRACE_EMPTY', null],
    ['a later step of no token', [STEPS[0]!, { kind: null, text: '...' }], 'ERR_TRACE_MALFORMED', 'solution, step 1'],
    ['an unknown word', [STEPS[0]!, { kind: null, text: 'zebra' }], 'ERR_TOKEN_UNKNOWN', 'solution, step 1'],
    ['more than the base reads', Array.from({ length: 30 }, () => STEPS[0]!), 'ERR_TRACE_MALFORMED', 'solution'],
  ] as const)('refuses %s', (_, steps, code, where) => {
    expect(() => planTokens(tokenizer, QUESTION, steps, LIMITS)).toThrow(
      expect.objectContaining(where === null ? { code } : { code, where }),
    );
  });
});
