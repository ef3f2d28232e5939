import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { extractAnswer, extractBoxed } from './answer-extraction.ts';

describe('extractBoxed', () => {
  it.each([
    ['$\\boxed{42}$', '42'],
    ['first \\boxed{1}, then \\boxed{2}', '2'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
    ['\\boxed {7}', '7'],
    ['\\boxed{1} and then \\boxed{2', '1'],
    ['\u0008oxed{9}', '9'],
  ])('%s', (text, answer) => {
    expect(extractBoxed(text)).toBe(answer);
  });

  it.each(['', 'no box', '\\boxed{', '\\boxed{}', '\\boxed{ }', 'boxed{3}'])('finds nothing in %j', (text) => {
    expect(extractBoxed(text)).toBeNull();
  });
});

describe('extractAnswer', () => {
  it.each([
    ['<correct_answer>\n$\\boxed{B}$\n</correct_answer>', 'B'],
    ['<correct_answer>B</correct_answer>', 'B'],
    ['<correct_answer>$7$</correct_answer>', '7'],
    ['<correct_answer>1</correct_answer> no: <correct_answer>2</correct_answer>', '2'],
    ['<correct_answer>\n$\\boxed{5}$', '5'],
    ['so it is \\boxed{5}', '5'],
  ])('%s', (text, answer) => {
    expect(extractAnswer(text)).toBe(answer);
  });

  it.each([
    ['an empty block', '<correct_answer></correct_answer>'],
    ['an empty box, even when a box stands before the block', '\\boxed{3} <correct_answer>\\boxed{}</correct_answer>'],
    ['a block of several lines without a box', '<correct_answer>well\nseven</correct_answer>'],
  ])('finds no answer in %s', (_, text) => {
    expect(extractAnswer(text)).toBeNull();
  });

  test.prop([fc.string().filter((text) => !/oxed|correct_answer/.test(text))])(
    'reference issue: a text without marks is never taken for the answer',
    (text) => {
      expect(extractAnswer(text)).toBeNull();
    },
  );
});
