import type { Step, StepKind } from '../records/index.ts';
import { extractAnswer } from './answer-extraction.ts';
import { placeAfter, SECTION_HEADINGS } from './step-grammar.ts';
import type { StepSplitter } from './step-splitter.ts';

/** How a free-form policy parts its steps. */
export interface FreeFormMarks {
  /** Stands between two steps when they are joined. */
  readonly separator: string;
  /** Cuts the text of one section in which `done` steps stand already. */
  cut(text: string, done: number): readonly string[];
  /** Stop texts for the step after `done` others in its section. */
  stops(done: number): readonly string[];
}

/** A section heading on a line of its own, in brackets or as markdown writes one. */
const HEADING_LINE = /^[ \t]*(?:#{1,6} +|\*\*)?\[?(visual elements|perception|reasoning)\]?:?(?:\*\*)?:?[ \t]*$/gim;

interface Section {
  readonly kind: StepKind | null;
  readonly text: string;
  /** Steps that stand in it before the text. */
  readonly done: number;
}

/** The text cut at its section headings; what stands before the first belongs to the section that the prefix is in. */
function sectionsOf(prefix: readonly Step[], text: string): Section[] {
  const { section, number } = placeAfter(prefix);
  const headings = [...text.matchAll(HEADING_LINE)];
  const first: Section = { kind: section, text: text.slice(0, headings[0]?.index), done: number };
  return headings.reduce(
    (sections, match, i) => {
      const kind: StepKind = match[1]?.toLowerCase() === 'reasoning' ? 'reasoning' : 'perception';
      const body = text.slice(match.index + match[0].length, headings[i + 1]?.index);
      const repeated = i === 0 && first.text.trim() === '' && kind === section;
      return [...sections, { kind, text: body, done: repeated ? number : 0 }];
    },
    [first],
  );
}

/**
 * Steps in text without tags. A step is of unknown kind unless a section heading stands above it; text before the first
 * step of a section belongs to that step. The answer is the last box of the solution and stays in the step that has it.
 *
 * The stop texts lie where the next step would begin. What ended a step tells whether the solution has ended:
 *
 * | ended by              | no answer in the step | an answer in the step |
 * |-----------------------|-----------------------|-----------------------|
 * | a stop text           | no                    | null: a separator may be all that follows |
 * | its own end           | yes, without an answer | yes                  |
 * | the server does not say | no: the next call finds the end at once | null   |
 */
export function freeFormSteps(marks: FreeFormMarks): StepSplitter {
  const join = (steps: readonly Step[], from = 0): string =>
    steps
      .map(({ kind, text }, i) => {
        const begins = kind !== null && kind !== (steps[i - 1]?.kind ?? null);
        return `${begins ? `${SECTION_HEADINGS[kind]}\n` : ''}${text}${marks.separator}`;
      })
      .slice(from)
      .join('');
  const stepsOf = (prefix: readonly Step[], text: string): Step[] =>
    sectionsOf(prefix, text).flatMap((section) =>
      marks
        .cut(section.text, section.done)
        .map((piece) => ({ kind: section.kind, text: piece.trim() }))
        .filter((step) => step.text !== ''),
    );
  const answerOf = (prefix: readonly Step[], steps: readonly Step[]): string | null =>
    extractAnswer(join([...prefix, ...steps]));
  return {
    join,
    split: (prefix, text) => {
      const steps = stepsOf(prefix, text);
      return { steps, finalAnswer: answerOf(prefix, steps) };
    },
    stops: (prefix) => marks.stops(placeAfter(prefix).number),
    first: (prefix, text, endedBy) => {
      const [step, ...beyond] = stepsOf(prefix, text);
      const steps = step === undefined ? [] : [step];
      const stopped = endedBy !== null && (step === undefined || extractAnswer(step.text) === null);
      if (beyond.length > 0 || stopped) return { steps, finalAnswer: null, ended: false };
      return { steps, finalAnswer: answerOf(prefix, steps), ended: endedBy === null ? true : null };
    },
  };
}
