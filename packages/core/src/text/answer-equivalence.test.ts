import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { canonicalAnswer, checkAnswer, createAnswerChecker } from './answer-equivalence.ts';

const shapes = ['circle', 'square', 'triangle'];

describe('checkAnswer without options', () => {
  it.each([
    ['7', '7'],
    ['7.0', '7'],
    ['+7', '7'],
    ['007', '7'],
    ['1,000', '1000'],
    ['- 5', '-5'],
    ['−5', '-5'],
    ['-0', '0'],
    ['1/2', '0.5'],
    ['\\frac{1}{2}', '.5'],
    ['6/4', '3/2'],
    ['1e3', '1000'],
    ['７', '7'],
    ['$7$', '7'],
    ['\\text{Red}', 'red'],
    ['  dark   Red. ', 'dark red'],
    ['"red"', 'RED'],
    ['(A)', 'A'],
    ['a.', 'A'],
    ['A)', 'a'],
    ['(1, 2)', '(1,2)'],
    ['9007199254740993', '9007199254740993.0'],
  ])('%s equals %s', (answer, reference) => {
    expect(checkAnswer(answer, reference, null)).toBe('correct');
    expect(checkAnswer(reference, answer, null)).toBe('correct');
  });

  it.each([
    ['1', '12'],
    ['12', '1'],
    ['0.333', '1/3'],
    ['9007199254740993', '9007199254740992'],
    ['1, 200', '1200'],
    ['5²', '52'],
    ['50%', '50'],
    ['1/0', '0'],
    ['blue', 'red'],
    ['not red', 'red'],
    ['AB', 'A'],
    ['1e9999', '1'],
  ])('%s is not %s', (answer, reference) => {
    expect(checkAnswer(answer, reference, null)).toBe('incorrect');
  });

  it.each([null, '', '   ', '.', '$$', '...'])('%j is unparsable, which is not incorrect', (answer) => {
    expect(checkAnswer(answer, '7', null)).toBe('unparsable');
    expect(canonicalAnswer(answer, null)).toBeNull();
  });

  it('refuses a reference that cannot be read, rather than calling every answer wrong', () => {
    expect(() => checkAnswer('7', ' ', null)).toThrow(expect.objectContaining({ code: 'ERR_DATASET_INVALID' }));
  });
});

describe('checkAnswer with options', () => {
  it.each([
    'B',
    'b',
    '(B)',
    'B.',
    'B)',
    '[b]',
    'B: square',
    '(B) Square',
    'B. square',
    'B square',
    'Square',
    'square.',
    '\\text{B}',
  ])('%s names option B', (answer) => {
    expect(canonicalAnswer(answer, shapes)).toBe('B');
    expect(checkAnswer(answer, 'B', shapes)).toBe('correct');
    expect(checkAnswer(answer, 'square', shapes)).toBe('correct');
    expect(checkAnswer(answer, 'A', shapes)).toBe('incorrect');
  });

  it.each([
    ['A circle', 'B square'],
    ['(A) circle', '(B) square'],
    ['A. circle', 'B. square'],
    ['a: circle', 'b: square'],
  ])('reads options that carry their letters: %s, %s', (...options) => {
    expect(canonicalAnswer('square', options)).toBe('B');
    expect(canonicalAnswer('B', options)).toBe('B');
    expect(canonicalAnswer(options[1], options)).toBe('B');
  });

  it('does not take an article for a letter', () => {
    expect(canonicalAnswer('a cat', ['a dog', 'a cat'])).toBe('B');
  });

  it('compares numeric options by value', () => {
    expect(canonicalAnswer('4.0', ['3', '4', '5'])).toBe('B');
  });

  it('names no option when letter and text disagree, or two options read the same', () => {
    expect(canonicalAnswer('A. square', shapes)).toBe('a. square');
    expect(checkAnswer('A. square', 'A', shapes)).toBe('incorrect');
    expect(canonicalAnswer('red', ['red', 'Red'])).toBe('red');
  });

  it('keeps an answer outside of the options as what it is', () => {
    expect(checkAnswer('Z', 'B', shapes)).toBe('incorrect');
    expect(checkAnswer('hexagon', 'B', shapes)).toBe('incorrect');
    expect(checkAnswer('', 'B', shapes)).toBe('unparsable');
  });

  it('reads a letter as a letter before it reads it as a text', () => {
    expect(canonicalAnswer('A', ['B', 'A'])).toBe('A');
  });
});

describe('equivalence', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.integer().map(String),
    fc.double({ noNaN: true }).map(String),
  );

  test.prop([anything, fc.option(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }))], {
    numRuns: 500,
  })('an answer is correct against itself, or unparsable', (answer, options) => {
    const key = canonicalAnswer(answer, options);
    if (key === null) expect(answer).not.toMatch(/[\p{L}\p{N}]/u);
    else expect(checkAnswer(answer, answer, options)).toBe('correct');
  });

  test.prop([fc.integer(), fc.integer({ min: 1 }), fc.integer({ min: 1, max: 1000 })])(
    'fractions are compared by value',
    (numerator, denominator, factor) => {
      expect(canonicalAnswer(`${numerator * factor}/${denominator * factor}`, null)).toBe(
        canonicalAnswer(`${numerator}/${denominator}`, null),
      );
    },
  );

  test.prop([fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: -1e9, max: 1e9 })])(
    'integers are equal exactly when their values are',
    (a, b) => {
      expect(checkAnswer(String(a), String(b), null)).toBe(a === b ? 'correct' : 'incorrect');
    },
  );
});

describe('createAnswerChecker', () => {
  it('gives one verdict a pair, in order, and does not mix up equal answers to different questions', () => {
    const other = ['square', 'circle'];
    expect(
      createAnswerChecker().check([
        { answer: 'square', reference: 'B', options: shapes },
        { answer: 'square', reference: 'B', options: other },
        { answer: 'square', reference: 'A', options: other },
        { answer: null, reference: 'A', options: other },
        { answer: 'square', reference: 'B', options: shapes },
        { answer: '1', reference: '12', options: null },
      ]),
    ).toEqual(['correct', 'incorrect', 'correct', 'unparsable', 'correct', 'incorrect']);
  });
});
