import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SOLUTION_PROMPT, VERIFICATION_PROMPT, solutionPrompt, verificationPrompt } from './prompts.ts';
import { parseSolution } from './step-grammar.ts';

describe('prompts', () => {
  it('carry the hash of their text', () => {
    for (const prompt of [SOLUTION_PROMPT, VERIFICATION_PROMPT]) {
      expect(prompt.sha256).toBe(createHash('sha256').update(prompt.text).digest('hex'));
    }
    expect(SOLUTION_PROMPT.sha256).not.toBe(VERIFICATION_PROMPT.sha256);
  });

  it('show the policy a form that the parser reads', () => {
    const form = SOLUTION_PROMPT.text.slice(SOLUTION_PROMPT.text.lastIndexOf('\n[Visual Elements]'));
    const { steps, finalAnswer } = parseSolution(form);
    expect(steps.map((step) => step.kind)).toEqual(['perception', 'perception', 'reasoning', 'reasoning']);
    expect(finalAnswer).toBe('ANSWER');
  });

  it('quote the question once, and take braces and slot names inside of it literally', () => {
    const question = 'What is {answer} + $& {question}?';
    const prompt = solutionPrompt({ question, options: null });
    expect(prompt.split(question)).toHaveLength(2);
    expect(prompt).toContain('in a box: a number or a few words.');
    expect(solutionPrompt({ question, options: ['1', '2'] })).toContain('in a box: the letter of one option.');
  });

  it('give the judge the solution but never the slot names', () => {
    const prompt = verificationPrompt('How many?', [{ kind: 'perception', text: 'I see {solution}.' }], '3');
    expect(prompt).toContain('<step_1>I see {solution}.</step_1>');
    expect(prompt).toContain('$\\boxed{3}$');
    expect(prompt).not.toContain('{question}');
  });
});
