import type { Step } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import { freeFormSteps, type FreeFormMarks } from './free-form-steps.ts';
import type { StepSplitter } from './step-splitter.ts';
import { taggedSteps } from './tagged-steps.ts';

/** How a policy marks its steps. */
export type StepMarks =
  | 'tagged'
  | 'paragraphs'
  | 'numbered'
  | {
      /** Regular expression that matches what stands between two steps. */
      readonly separator: string;
      /** A text that the expression matches: it ends one step in a step-wise search and joins steps. */
      readonly stop: string;
    };

/** Blank lines part the steps, as in most step-wise searches (search-and-learn, VL-PRM). */
const paragraphs: FreeFormMarks = {
  separator: '\n\n',
  cut: (text) => text.split(/\n[^\S\n]*\n/),
  stops: () => ['\n\n'],
};

/** Ways to begin the n-th step. Four, because that is how many stop texts OpenAI's API takes. */
const numberMarks = (n: number): string[] => [`\n${n}. `, `\nStep ${n}:`, `\n**Step ${n}:`, `\n### Step ${n}:`];

/** Each step begins with its number in the section; other numbers at the beginning of a line are part of a step. */
const numbered: FreeFormMarks = {
  separator: '\n',
  cut: (text, done) => {
    const pieces: string[] = [];
    for (let rest = text, next = done + 2; ; next++) {
      const found = numberMarks(next).map((mark) => rest.indexOf(mark));
      const at = Math.min(...found.filter((place) => place >= 0));
      if (at === Infinity) return [...pieces, rest];
      pieces.push(rest.slice(0, at));
      rest = rest.slice(at);
    }
  },
  stops: (done) => numberMarks(done + 2),
};

const refuse = (what: string, fix: string, cause?: unknown): VlprmError =>
  new VlprmError('ERR_CONFIG', what, { where: 'steps.separator', fix, cause });

function separated(separator: string, stop: string): FreeFormMarks {
  let pattern: RegExp;
  try {
    pattern = new RegExp(`(?:${separator})`, 'gu');
  } catch (cause) {
    throw refuse(`${JSON.stringify(separator)} is no regular expression`, 'correct it, e.g. "\\n-{3,}\\n"', cause);
  }
  if (''.search(pattern) >= 0)
    throw refuse('the separator matches the empty text', 'let it match one character at least');
  if (stop.search(pattern) < 0) {
    throw refuse(`the separator does not match the stop text ${JSON.stringify(stop)}`, 'let both mean the same');
  }
  const cut = (text: string): string[] => {
    const matches = [...text.matchAll(pattern)];
    const begins = [0, ...matches.map((match) => match.index + match[0].length)];
    return begins.map((begin, i) => text.slice(begin, matches[i]?.index));
  };
  return { separator: stop, cut, stops: () => [stop] };
}

/**
 * The splitter for a way of marking steps.
 * @throws ERR_CONFIG for a separator that is no regular expression, matches nothing at all, or not its own stop text
 */
export function createStepSplitter(marks: StepMarks): StepSplitter {
  if (marks === 'tagged') return taggedSteps;
  if (marks === 'paragraphs') return freeFormSteps(paragraphs);
  if (marks === 'numbered') return freeFormSteps(numbered);
  return freeFormSteps(separated(marks.separator, marks.stop));
}

/**
 * Place in `text` behind all of `expected`, white space aside; the end when `text` ends first. Null where they differ, or
 * where the text goes on in the same word.
 */
function behind(text: string, expected: string): number | null {
  let at = 0;
  for (const char of expected.replace(/\s+/g, '')) {
    while (/\s/.test(text.charAt(at))) at++;
    if (at === text.length) return at;
    if (!text.startsWith(char, at)) return null;
    at += char.length;
  }
  return cutsWord(text, at) ? null : at;
}

/** Is there no white space at a place that has a word or number before it: "4|2", "x = 3.|5"? */
function cutsWord(text: string, at: number): boolean {
  return /[\p{L}\p{N}.,]/u.test(text.charAt(at - 1)) && /\S/.test(text.charAt(at));
}

/**
 * What `text` adds to a prefix when it begins by repeating the prefix or its last steps, in whatever white space.
 * Blank when it does not come further than that. Text that repeats nothing is returned as it is.
 */
export function withoutRepetition(splitter: StepSplitter, prefix: readonly Step[], text: string): string {
  for (let from = 0; from < prefix.length; from++) {
    const end = behind(text, splitter.join(prefix, from));
    if (end !== null) return text.slice(end);
  }
  return text;
}
