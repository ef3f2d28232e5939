import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { Step, StepKind } from '../records/index.ts';
import { formatAnswer } from './step-grammar.ts';
import type { EndedBy, StepSplitter } from './step-splitter.ts';
import { createStepSplitter, withoutRepetition, type StepMarks } from './step-splitters.ts';

const RULE: StepMarks = { separator: '\\n(-){3,}\\n', stop: '\n---\n' };
const words = fc
  .array(fc.constantFrom('two', 'circles', '+', '-', '1. a', '3.5', '[Reasoning]', '$x$', 'so\nthen'), { minLength: 1 })
  .map((parts) => `It is ${parts.join(' ')}`);

const kinds: fc.Arbitrary<(StepKind | null)[]> = fc
  .tuple(fc.nat(3), fc.nat(3), fc.nat(3))
  .map(([none, seen, reasoned]) => [
    ...Array.from({ length: none }, () => null),
    ...Array.from({ length: seen }, () => 'perception' as const),
    ...Array.from({ length: reasoned }, () => 'reasoning' as const),
  ]);

/** Steps as a policy with these marks writes them; `number` counts within a section. */
function stepsFor(marks: StepMarks): fc.Arbitrary<Step[]> {
  return kinds
    .filter((list) => list.length > 0)
    .chain((list) => fc.tuple(fc.constant(list), fc.array(words, { minLength: list.length, maxLength: list.length })))
    .map(([list, texts]) =>
      list.flatMap((kind, i): Step[] => {
        if (marks === 'tagged' && kind === null) return [];
        const number = i - list.indexOf(kind) + 1;
        return [{ kind, text: marks === 'numbered' ? `${number}. ${texts[i] ?? ''}` : (texts[i] ?? '') }];
      }),
    )
    .filter((steps) => steps.length > 0);
}

/** What a model that writes `text` comes to under stop texts. */
function write(text: string, stops: readonly string[]): { text: string; endedBy: string | null } {
  const found = stops.flatMap((stop) => (text.includes(stop) ? [{ stop, at: text.indexOf(stop) }] : []));
  const first = found.sort((a, b) => a.at - b.at)[0];
  return first === undefined ? { text, endedBy: null } : { text: text.slice(0, first.at), endedBy: first.stop };
}

/** Takes a solution step by step, as a step-wise search over a model that always writes the same. */
function walk(splitter: StepSplitter, solution: string, tells: boolean): { steps: Step[]; finalAnswer: string | null } {
  const steps: Step[] = [];
  for (;;) {
    const rest = solution.slice(splitter.join(steps).length);
    const { text, endedBy } = write(rest, splitter.stops(steps));
    const told: EndedBy = tells ? endedBy : undefined;
    const first = splitter.first(steps, text, told);
    expect(first.steps.length).toBeLessThanOrEqual(1);
    steps.push(...first.steps);
    const ended = first.ended ?? solution.slice(splitter.join(steps).length).trim() === '';
    if (ended || (first.steps.length === 0 && text.trim() === '')) return { steps, finalAnswer: first.finalAnswer };
    expect(first.steps).toHaveLength(1);
  }
}

describe.each<[string, StepMarks]>([
  ['tagged', 'tagged'],
  ['paragraphs', 'paragraphs'],
  ['numbered', 'numbered'],
  ['a separator of its own', RULE],
])('%s steps', (_, marks) => {
  const splitter = createStepSplitter(marks);
  const whole = fc.tuple(stepsFor(marks), fc.boolean()).map(([steps, answered]) => {
    if (!answered) return { steps, solution: splitter.join(steps) };
    if (marks === 'tagged') return { steps, solution: `${splitter.join(steps)}${formatAnswer('7')}` };
    const boxed = steps.map((step, i) =>
      i === steps.length - 1 ? { ...step, text: `${step.text} so \\boxed{7}` } : step,
    );
    return { steps: boxed, solution: splitter.join(boxed) };
  });

  test.prop([stepsFor(marks), fc.nat(8)])('are what they were before they were joined', (steps, cut) => {
    expect(splitter.split([], splitter.join(steps)).steps).toEqual(steps);
    const prefix = steps.slice(0, cut);
    const rest = splitter.join(steps).slice(splitter.join(prefix).length);
    expect(rest).toBe(splitter.join(steps, cut));
    expect(splitter.split(prefix, `\n${rest}`).steps).toEqual(steps.slice(cut));
  });

  test.prop([whole, fc.boolean()])('taken one by one are those of the whole', ({ steps, solution }, tells) => {
    const read = splitter.split([], solution);
    expect(read.steps).toEqual(steps);
    expect(walk(splitter, solution, tells)).toEqual(read);
  });

  test.prop([whole, fc.nat(8), fc.nat(8)])(
    'that a continuation repeats are cut off',
    ({ steps, solution }, cut, from) => {
      const prefix = steps.slice(0, cut);
      const rest = solution.slice(splitter.join(prefix).length);
      const repeated = splitter.join(prefix, Math.min(from, Math.max(0, prefix.length - 1))).replaceAll('\n', ' \n');
      const added = withoutRepetition(splitter, prefix, `\n${repeated}${rest}`);
      fc.pre(!solution.slice(0, -1).startsWith(rest));
      expect(splitter.split(prefix, added)).toEqual(splitter.split(prefix, rest));
    },
  );

  it('have no more stop texts than OpenAI takes', () => {
    const three: Step[] = ['1. a', '2. b', '3. c'].map((text) => ({ kind: 'perception', text }));
    for (let done = 0; done <= 3; done++) expect(splitter.stops(three.slice(0, done)).length).toBeLessThanOrEqual(4);
  });
});

describe('tagged steps', () => {
  const splitter = createStepSplitter('tagged');
  const seen: Step[] = [{ kind: 'perception', text: 'A 3.' }];
  const two: Step[] = [...seen, { kind: 'perception', text: 'A 4.' }];

  it('stop behind the place of an answer, and never where the step that is wanted begins', () => {
    expect(splitter.stops([])).toEqual(['<step_2>', '</correct_answer>']);
    expect(splitter.stops(seen)).toEqual(['<step_3>', '</correct_answer>']);
    expect(splitter.stops(two)).toEqual(['<step_2>', '<step_4>', '</correct_answer>']);
    expect(splitter.stops([{ kind: null, text: 'as it is' }])).toEqual(['<step_2>', '</correct_answer>']);
  });

  it.each<[string, string, EndedBy, unknown]>([
    ['a step and the next', '<step_3>c</step_3>\n', '<step_4>', { text: 'c', ended: false }],
    [
      'a step and the next section',
      '<step_3>c</step_3>\n[Reasoning]\n<step_1>d</step_1>\n',
      '<step_2>',
      { text: 'c', ended: false },
    ],
    ['a step and a heading, cut short', '<step_3>c</step_3>\n[Reasoning]', null, { text: 'c', ended: false }],
    ['a step of the next section', '[Reasoning]\n<step_1>c</step_1>\n', '<step_2>', { text: 'c', ended: false }],
    [
      'a step and the answer',
      '[Reasoning]\n<step_1>c</step_1>\n<correct_answer>\n$\\boxed{7}$\n',
      '</correct_answer>',
      { text: 'c', ended: true, answer: '7' },
    ],
    [
      'a step and an answer that cannot be read',
      '<step_3>c</step_3>\n<correct_answer>a\nb',
      '</correct_answer>',
      { text: 'c', ended: true },
    ],
    ['a step and the end', '<step_3>c</step_3>', null, { text: 'c', ended: true }],
    ['a step, and the server does not tell', '<step_3>c</step_3>', undefined, { text: 'c', ended: false }],
    ['the answer alone', '<correct_answer>\n$\\boxed{7}$\n', '</correct_answer>', { ended: true, answer: '7' }],
    ['nothing', ' \n', null, { ended: true }],
    ['nothing before a stop text', '', '<step_4>', { ended: false }],
    [
      'the heading of the open section once more',
      '[Perception]\n<step_3>c</step_3>',
      '<step_4>',
      { text: 'c', ended: false },
    ],
  ])('read %s', (_, text, endedBy, expected) => {
    const { steps, finalAnswer, ended } = splitter.first(two, text, endedBy);
    const read = {
      ...(steps[0] && { text: steps[0].text }),
      ended,
      ...(finalAnswer !== null && { answer: finalAnswer }),
    };
    expect(read).toEqual(expected);
  });

  it('refuse a number out of order', () => {
    expect(() => splitter.first(two, '<step_2>c</step_2>', null)).toThrow('<step_2> where <step_3> was expected');
    expect(() => splitter.split(two, '<step_3>c')).toThrow('never closed');
  });
});

describe('free-form steps', () => {
  const splitter = createStepSplitter('paragraphs');

  it('take their kind from section headings', () => {
    const text = 'Let me see.\n\n### Visual Elements\n\nA 3.\n\n**Reasoning:**\nSo \\boxed{3}.';
    expect(splitter.split([], text)).toEqual({
      steps: [
        { kind: null, text: 'Let me see.' },
        { kind: 'perception', text: 'A 3.' },
        { kind: 'reasoning', text: 'So \\boxed{3}.' },
      ],
      finalAnswer: '3',
    });
  });

  it('find the answer in the prefix when nothing follows it', () => {
    const done: Step[] = [{ kind: null, text: 'So \\boxed{3}.' }];
    expect(splitter.split(done, '')).toEqual({ steps: [], finalAnswer: '3' });
    expect(splitter.first(done, '', null)).toEqual({ steps: [], finalAnswer: '3', ended: true });
  });

  it('leave open whether an answer was the end, where it was stopped', () => {
    expect(splitter.first([], 'So \\boxed{3}.', '\n\n')).toMatchObject({ finalAnswer: '3', ended: null });
    expect(splitter.first([], 'So \\boxed{3}.', undefined)).toMatchObject({ finalAnswer: '3', ended: null });
    expect(splitter.first([], 'So \\boxed{3}.', null)).toMatchObject({ finalAnswer: '3', ended: true });
    expect(splitter.first([], 'A 3.', undefined)).toMatchObject({ finalAnswer: null, ended: false });
    expect(splitter.first([], 'A 3.\n\nSo \\boxed{3}.', null)).toMatchObject({
      steps: [{ text: 'A 3.' }],
      ended: false,
    });
  });

  it('do not gather blank lines from step to step', () => {
    let steps: Step[] = [];
    for (let i = 0; i < 5; i++) steps = [...steps, ...splitter.split(steps, `\n\nStep ${i}.\n\n`).steps];
    expect(splitter.join(steps)).toBe('Step 0.\n\nStep 1.\n\nStep 2.\n\nStep 3.\n\nStep 4.\n\n');
  });

  it('begin at the number that is next, in four forms', () => {
    const numbered = createStepSplitter('numbered');
    const text = 'First:\n1. It is 3.5\n3. not a step\n2. b\n\n### Step 3: c\n**Step 4: d**\nStep 5: e';
    expect(numbered.split([], text).steps.map((step) => step.text)).toEqual([
      'First:\n1. It is 3.5\n3. not a step',
      '2. b',
      '### Step 3: c',
      '**Step 4: d**',
      'Step 5: e',
    ]);
  });
});

describe('createStepSplitter', () => {
  it.each([
    ['(', '\n', 'is no regular expression'],
    ['x*', 'x', 'matches the empty text'],
    ['\\n---\\n', '\n\n', 'does not match the stop text'],
  ])('refuses the separator %s', (separator, stop, message) => {
    expect(() => createStepSplitter({ separator, stop })).toThrow(message);
  });
});

describe('withoutRepetition', () => {
  const splitter = createStepSplitter('tagged');
  const prefix: Step[] = [
    { kind: 'perception', text: 'A 3.' },
    { kind: 'perception', text: 'A 4.' },
  ];

  it('is blank where a text does not come further than the prefix', () => {
    expect(withoutRepetition(splitter, prefix, '[Visual Elements]\n<step_1>A 3.</step_1>\n')).toBe('');
    expect(withoutRepetition(splitter, prefix, ' <step_2> A 4. </step_2>\n').trim()).toBe('');
    expect(withoutRepetition(splitter, prefix, '')).toBe('');
  });

  it.each([
    ['4', '42 is more than that.'],
    ['So x = 3.', 'So x = 3.5 after all.'],
    ['It is a square', 'It is a squared number.'],
  ])('cuts no word in two: %j, then %j', (step, text) => {
    expect(withoutRepetition(createStepSplitter('paragraphs'), [{ kind: null, text: step }], text)).toBe(text);
  });

  it('keeps what only resembles the prefix', () => {
    const other = '[Visual Elements]\n<step_1>A 5.</step_1>';
    expect(withoutRepetition(splitter, prefix, other)).toBe(other);
    expect(withoutRepetition(splitter, [], other)).toBe(other);
  });
});
