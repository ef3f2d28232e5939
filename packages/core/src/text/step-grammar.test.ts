import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { Step } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import { formatAnswer, formatSolution, formatSteps, parseSolution, prmTurns } from './step-grammar.ts';

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return VlprmError.is(error) ? error.code : `not a VlprmError: ${String(error)}`;
  }
  return 'no error';
};

/** Texts that look like the grammar's own marks as often as like prose. */
const fragment = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '[Reasoning]',
    '[Visual Elements]',
    '[Perception]',
    '+',
    '-',
    '\n\n',
    '### Question:',
    '<step_',
    '\\boxed{3}',
    '$',
  ),
);
const stepText = fc
  .array(fragment, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(' ').trim())
  .filter((text) => text !== '' && !/<\/?step_\d+>|<\/?correct_answer>/.test(text));
const step = fc.record({ kind: fc.constantFrom('perception' as const, 'reasoning' as const), text: stepText });
const answer = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\\frac{1}{2}', '\\{1,2\\}', '{a{b}c}', '(A)'))
  .map((text) => text.trim())
  .filter((text) => codeOf(() => formatAnswer(text)) === 'no error');

const sum: Step[] = [
  { kind: 'perception', text: 'The top left cell holds a 3.' },
  { kind: 'perception', text: 'The top right cell holds a 4.' },
  { kind: 'reasoning', text: '3 + 4 = 7.' },
];

describe('formatSolution and parseSolution', () => {
  test.prop([fc.array(step, { minLength: 1, maxLength: 8 }), fc.option(answer)], { numRuns: 500 })(
    'parse is the inverse of format',
    (steps, finalAnswer) => {
      expect(parseSolution(formatSolution(steps, finalAnswer))).toEqual({ steps, finalAnswer });
    },
  );

  test.prop([fc.array(step, { minLength: 1, maxLength: 8 }), fc.option(answer), fc.nat(4)], { numRuns: 300 })(
    'format is the inverse of parse, whatever prose stands around',
    (steps, finalAnswer, blanks) => {
      const written = `Let me look.\n${formatSolution(steps, finalAnswer).replaceAll('\n[', `${'\n'.repeat(blanks)}\n[`)}\nDone.`;
      const parsed = parseSolution(written);
      expect(parseSolution(formatSolution(parsed.steps, parsed.finalAnswer))).toEqual(parsed);
      expect(parsed.steps).toHaveLength(steps.length);
    },
  );

  it('writes the grammar of the paper', () => {
    expect(formatSolution(sum, '7')).toBe(
      [
        '[Visual Elements]',
        '<step_1>The top left cell holds a 3.</step_1>',
        '<step_2>The top right cell holds a 4.</step_2>',
        '[Reasoning]',
        '<step_1>3 + 4 = 7.</step_1>',
        '<correct_answer>',
        '$\\boxed{7}$',
        '</correct_answer>',
      ].join('\n'),
    );
  });

  it('reads [Perception] as the same section as [Visual Elements]', () => {
    const text = formatSolution(sum, '7').replace('[Visual Elements]', '[Perception]');
    expect(parseSolution(text)).toEqual({ steps: sum, finalAnswer: '7' });
  });

  it('keeps equal step texts of different sections apart', () => {
    const twice: Step[] = [
      { kind: 'perception', text: 'There are 3.' },
      { kind: 'reasoning', text: 'There are 3.' },
    ];
    expect(parseSolution(formatSteps(twice)).steps).toEqual(twice);
  });

  it('has no answer before one is written', () => {
    expect(parseSolution(formatSteps(sum)).finalAnswer).toBeNull();
    expect(
      parseSolution(`${formatSteps(sum)}\n<correct_answer>\n$\\boxed{}$\n</correct_answer>`).finalAnswer,
    ).toBeNull();
  });

  it.each([
    ['text without a step', 'The answer is \\boxed{3}.', 'ERR_TRACE_EMPTY'],
    ['an empty text', '', 'ERR_TRACE_EMPTY'],
    ['a step before any heading', '<step_1>a</step_1>', 'ERR_TRACE_MALFORMED'],
    ['a step that is not closed', '[Reasoning]\n<step_1>a\n<step_2>b</step_2>', 'ERR_TRACE_MALFORMED'],
    ['a step inside a step', '[Reasoning]\n<step_1>a<step_2>b</step_2></step_1>', 'ERR_TRACE_MALFORMED'],
    ['a stray closing tag', '[Reasoning]\n<step_1>a</step_1></step_1>', 'ERR_TRACE_MALFORMED'],
    ['a missing number', '[Reasoning]\n<step_1>a</step_1>\n<step_3>c</step_3>', 'ERR_TRACE_MALFORMED'],
    ['a number written twice', '[Reasoning]\n<step_1>a</step_1>\n<step_1>c</step_1>', 'ERR_TRACE_MALFORMED'],
    ['a blank step', '[Reasoning]\n<step_1>  </step_1>', 'ERR_TRACE_MALFORMED'],
  ])('refuses %s', (_, text, code) => {
    expect(codeOf(() => parseSolution(text))).toBe(code);
  });

  it.each([
    ['no steps', [], '7', 'ERR_TRACE_EMPTY'],
    ['a blank step', [{ kind: null, text: ' ' }], '7', 'ERR_TRACE_MALFORMED'],
    ['an untrimmed step', [{ kind: 'reasoning', text: ' a' }], '7', 'ERR_TRACE_MALFORMED'],
    ['a step with a step tag', [{ kind: 'reasoning', text: 'a</step_1>' }], '7', 'ERR_TRACE_MALFORMED'],
    ['a step with an answer tag', [{ kind: 'reasoning', text: '<correct_answer>' }], '7', 'ERR_TRACE_MALFORMED'],
    ['a blank answer', sum, ' ', 'ERR_TRACE_MALFORMED'],
    ['an answer that opens a brace', sum, '{7', 'ERR_TRACE_MALFORMED'],
    ['an answer that closes the box', sum, '7}{8', 'ERR_TRACE_MALFORMED'],
    ['an answer that escapes the closing brace', sum, '7\\', 'ERR_TRACE_MALFORMED'],
    ['an answer with a box in it', sum, '\\boxed{7}', 'ERR_TRACE_MALFORMED'],
  ] as [string, Step[], string, string][])('refuses to write %s', (_, steps, finalAnswer, code) => {
    expect(codeOf(() => formatSolution(steps, finalAnswer))).toBe(code);
  });
});

describe('prmTurns', () => {
  test.prop([fc.string(), fc.array(step, { minLength: 1, maxLength: 8 })])(
    'has one turn per step, which join to the question and the steps',
    (question, steps) => {
      const turns = prmTurns(question, steps);
      expect(turns).toHaveLength(steps.length);
      expect(turns.join('\n')).toBe(`### Question:\n${question}\n\n### Solution Process:\n${formatSteps(steps)}`);
    },
  );

  it('puts a heading where a section begins, and the question into the first turn alone', () => {
    expect(prmTurns('What is the sum?', sum)).toEqual([
      '### Question:\nWhat is the sum?\n\n### Solution Process:\n[Visual Elements]\n<step_1>The top left cell holds a 3.</step_1>',
      '<step_2>The top right cell holds a 4.</step_2>',
      '[Reasoning]\n<step_1>3 + 4 = 7.</step_1>',
    ]);
  });

  it('gives one-shot, the whole solution as one step, the same text as the steps', () => {
    const oneShot = prmTurns('Q?', [{ kind: null, text: formatSteps(sum) }]);
    expect(oneShot).toEqual([prmTurns('Q?', sum).join('\n')]);
  });

  it('refuses a solution without steps', () => {
    expect(codeOf(() => prmTurns('Q?', []))).toBe('ERR_TRACE_EMPTY');
  });
});
