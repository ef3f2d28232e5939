import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  CONTINUATION_PROMPT,
  FLAT_VERIFICATION_PROMPT,
  NUMBERED_PROMPT,
  PARAGRAPHS_PROMPT,
  SOLUTION_PROMPT,
  solutionPrompt,
  VERIFICATION_PROMPT,
  verificationPrompt,
} from './prompts.ts';
import { parseSolution } from './step-grammar.ts';

describe('prompts', () => {
  it('carry the hash of their text', () => {
    const prompts = [
      SOLUTION_PROMPT,
      PARAGRAPHS_PROMPT,
      NUMBERED_PROMPT,
      CONTINUATION_PROMPT,
      VERIFICATION_PROMPT,
      FLAT_VERIFICATION_PROMPT,
    ];
    for (const { text, sha256 } of prompts) expect(sha256).toBe(createHash('sha256').update(text).digest('hex'));
    expect(new Set(prompts.map(({ id }) => id)).size).toBe(prompts.length);
  });

  it('ask free-form policies for a box', () => {
    const problem = { question: 'How many?', options: ['1', '2'] };
    for (const prompt of [PARAGRAPHS_PROMPT, NUMBERED_PROMPT]) {
      expect(solutionPrompt(problem, prompt)).toContain('the letter of one option, in a box: \\boxed{ANSWER}.');
    }
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

  it('number steps of unknown kind through for the judge', () => {
    const prompt = verificationPrompt(
      'How many?',
      [
        { kind: null, text: 'I see 3.' },
        { kind: null, text: 'So 3.' },
      ],
      '3',
    );
    expect(prompt).toContain('<step_1>I see 3.</step_1>\n<step_2>So 3.</step_2>\n<correct_answer>');
    expect(prompt).not.toContain('[Reasoning]');
  });
});
