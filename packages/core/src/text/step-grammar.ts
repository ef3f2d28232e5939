import type { Step, StepKind } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import { balancedEnd, extractAnswer } from './answer-extraction.ts';

/** Heading that stands before the first step of a section (VL-PRM, arXiv 2509.23250, section 3). */
export const SECTION_HEADINGS: Readonly<Record<StepKind, string>> = {
  perception: '[Visual Elements]',
  reasoning: '[Reasoning]',
};

/** A solution as text says it: its steps, and the answer when one can be read. */
export interface ParsedSolution {
  readonly steps: Step[];
  /** Null when there is no answer block, or no answer can be read from it. */
  readonly finalAnswer: string | null;
}

const STEP_TAG = /<\/?step_\d+>/;
const ANSWER_TAG = /<\/?correct_answer>/;
/** A heading, an opening or closing step tag, or an opening answer tag; everything else at top level is prose. */
const TOP_LEVEL = /\[(visual elements|perception|reasoning)\]|<(\/?)step_(\d+)>|<correct_answer>/gi;
const HEADED_STEP = /^\s*\[(visual elements|perception|reasoning)\]\s*<step_(\d+)>/i;

const malformed = (what: string, where: string, fix: string): VlprmError =>
  new VlprmError('ERR_TRACE_MALFORMED', what, { where, fix });

export const emptySolution = (): VlprmError =>
  new VlprmError('ERR_TRACE_EMPTY', 'a solution without steps', { fix: 'drop it, or give it at least one step' });

function requireStepText(step: Step, index: number): void {
  const where = `step ${index}`;
  if (step.text.trim() === '') throw malformed('a step has no text', where, 'remove the step or give it text');
  if (step.kind === null) return;
  if (step.text.trim() !== step.text) {
    throw malformed('a step begins or ends with white space', where, 'trim the text of the step');
  }
  const tag = STEP_TAG.exec(step.text) ?? ANSWER_TAG.exec(step.text);
  if (tag) throw malformed(`a step contains the tag ${tag[0]}`, where, 'remove the tag from the text');
}

/** One block of text per step, each with its heading where a section begins. Errors as `formatSteps`. */
export function formatBlocks(steps: readonly Step[]): string[] {
  if (steps.length === 0) throw emptySolution();
  let section: StepKind | null = null;
  let number = 0;
  return steps.map((step, index) => {
    requireStepText(step, index);
    const begins = step.kind !== section;
    section = step.kind;
    if (step.kind === null) return step.text;
    number = begins ? 1 : number + 1;
    const tagged = `<step_${number}>${step.text}</step_${number}>`;
    return begins ? `${SECTION_HEADINGS[step.kind]}\n${tagged}` : tagged;
  });
}

/**
 * Steps in the step grammar, one a line: `[Visual Elements]` and `[Reasoning]` head the sections, `<step_n>` restarts
 * in each. A step of kind null stands as it is, without heading or tag.
 * ERR_TRACE_EMPTY without steps; ERR_TRACE_MALFORMED for a step that is blank, untrimmed or contains a tag.
 */
export function formatSteps(steps: readonly Step[]): string {
  return formatBlocks(steps).join('\n');
}

/** The answer block of a solution: `<correct_answer>$\boxed{answer}$</correct_answer>`, on three lines. */
export function formatAnswer(answer: string): string {
  const where = 'final answer';
  if (answer.trim() === '' || answer.trim() !== answer) {
    throw malformed('an answer that is blank or untrimmed', where, 'give a trimmed answer, or null for none');
  }
  const box = `{${answer}}`;
  if (balancedEnd(box, 0) !== box.length || /\\boxed/.test(answer) || ANSWER_TAG.test(answer)) {
    throw malformed(
      'an answer with unbalanced braces, a box or a tag in it',
      where,
      'give the content of the box alone',
    );
  }
  return `<correct_answer>\n$\\boxed${box}$\n</correct_answer>`;
}

/**
 * A whole solution as text. Inverse of `parseSolution` for steps of known kind.
 * `finalAnswer: null` leaves out the answer block. Errors as `formatSteps`.
 */
export function formatSolution(steps: readonly Step[], finalAnswer: string | null): string {
  const text = formatSteps(steps);
  return finalAnswer === null ? text : `${text}\n${formatAnswer(finalAnswer)}`;
}

const kindOfHeading = (name: string): StepKind => (name.toLowerCase() === 'reasoning' ? 'reasoning' : 'perception');

/** The section that steps end in, and how many of them stand in it; its number is 0 before the first step. */
export function placeAfter(steps: readonly Step[]): { section: StepKind | null; number: number } {
  const section = steps.at(-1)?.kind ?? null;
  const before = steps.findLastIndex((step) => step.kind !== section);
  return { section, number: steps.length - 1 - before };
}

/** Where in a text a continuation begins: behind the heading of the section that is open, when it says that once more. */
function beginOf(text: string, section: StepKind | null, number: number): number {
  const match = HEADED_STEP.exec(text);
  const [headed = '', heading = '', digits] = match ?? [];
  const goesOn = heading !== '' && kindOfHeading(heading) === section && number > 0 && Number(digits) === number + 1;
  return goesOn ? headed.lastIndexOf('<') : 0;
}

/**
 * Reads a solution in the step grammar; `[Perception]` is read as `[Visual Elements]`. Prose outside of the tags is
 * passed over, the answer block ends the steps.
 * ERR_TRACE_EMPTY when there is no step; ERR_TRACE_MALFORMED when a step has no heading before it, is blank, is not
 * closed or is numbered out of order: nothing that was tagged is dropped silently.
 */
export function parseSolution(text: string): ParsedSolution {
  const parsed = parseContinuation([], text);
  requireSteps(parsed.steps);
  return parsed;
}

/**
 * Reads what follows `prefix` in a solution: the steps and the answer that were added. Section and numbers go on where
 * the prefix ends; the heading of its section may be repeated. There may be no step left. Otherwise as `parseSolution`.
 */
export function parseContinuation(prefix: readonly Step[], text: string): ParsedSolution {
  const steps: Step[] = [];
  const scanner = new RegExp(TOP_LEVEL);
  let { section, number } = placeAfter(prefix);
  scanner.lastIndex = beginOf(text, section, number);
  for (let match = scanner.exec(text); match !== null; match = scanner.exec(text)) {
    const [token, heading, slash, digits] = match;
    const where = `character ${match.index}`;
    if (heading !== undefined) {
      section = kindOfHeading(heading);
      number = 0;
      continue;
    }
    if (digits === undefined) return { steps, finalAnswer: extractAnswer(text.slice(match.index)) };
    if (slash === '/') throw malformed(`${token} closes a step that was not opened`, where, 'fix the tags');
    if (section === null) {
      throw malformed(
        `${token} stands before any section heading`,
        where,
        'begin with [Visual Elements] or [Reasoning]',
      );
    }
    if (Number(digits) !== number + 1) {
      throw malformed(
        `${token} where <step_${number + 1}> was expected`,
        where,
        'number the steps of a section 1, 2, 3, …',
      );
    }
    number += 1;
    const begin = match.index + token.length;
    const end = text.indexOf(`</step_${digits}>`, begin);
    if (end < 0) throw malformed(`${token} is never closed`, where, `add </step_${digits}>`);
    steps.push({ kind: section, text: requireParsedText(text.slice(begin, end).trim(), token, where) });
    scanner.lastIndex = end + digits.length + '</step_>'.length;
  }
  return { steps, finalAnswer: null };
}

function requireParsedText(text: string, token: string, where: string): string {
  if (text === '') throw malformed(`${token} is blank`, where, 'give the step text');
  if (STEP_TAG.test(text))
    throw malformed(`${token} contains another step tag`, where, 'close each step before the next');
  return text;
}

function requireSteps(steps: readonly Step[]): void {
  if (steps.length > 0) return;
  throw new VlprmError('ERR_TRACE_EMPTY', 'no <step_n> in the text', {
    fix: 'write the steps under [Visual Elements] and [Reasoning], each in <step_n>…</step_n>',
  });
}

/**
 * The texts that a PRM reads, one turn per step (VL-PRM training conversation): the first carries the question, a
 * heading stands where a section begins. Joined by newlines they are the question part and `formatSteps(steps)`.
 * Errors as `formatSteps`.
 */
export function prmTurns(question: string, steps: readonly Step[]): string[] {
  const [first, ...rest] = formatBlocks(steps);
  return [`### Question:\n${question}\n\n### Solution Process:\n${first}`, ...rest];
}
