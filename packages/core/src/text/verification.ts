import type { Step, StepKind, StepLabel } from '../records/index.ts';
import { SECTION_HEADINGS } from './step-grammar.ts';

/** What a judge's answer says: a verdict per step (null after the first error) and the place of that error. */
export interface Verification {
  readonly verdicts: readonly StepLabel[];
  /** Flat 0-based index of the first wrong step, null when the solution was found right. */
  readonly firstError: number | null;
}

/** Why an answer is no verdict. */
export const UNREADABLE_REASONS = {
  'no-conclusion': 'it comes to no conclusion',
  'unclear-conclusion': 'its conclusion is neither Correct nor Incorrect',
  'contradicting-conclusions': 'it contradicts itself',
  'analysis-after-conclusion': 'an analysis follows its conclusion',
  'unbalanced-tags': 'its tags are not balanced',
  'no-such-step': 'it is about a step that the solution does not have',
  'skipped-step': 'it passes over a step',
  'ambiguous-number': 'the number of one of its steps can be read in two ways',
  'out-of-order': 'its analyses do not follow the order of the steps',
  'incorrect-without-analysis': 'it finds an error but does not say where',
  'malformed-json': 'it is not JSON of the form that was asked for',
} as const;
export type UnreadableReason = keyof typeof UNREADABLE_REASONS;

export type VerificationReading =
  | { readonly ok: true; readonly verification: Verification }
  | { readonly ok: false; readonly reason: UnreadableReason };

export const unreadable = (reason: UnreadableReason): VerificationReading => ({ ok: false, reason });

/** The verdicts of a solution of which this step, a flat 0-based index, is the first wrong one; null for none. */
export function verified(steps: readonly Step[], firstError: number | null): VerificationReading {
  const end = firstError ?? steps.length;
  const verdicts = steps.map((_, index): StepLabel => (index < end ? 1 : index === end ? -1 : null));
  return { ok: true, verification: { verdicts, firstError } };
}

type Part =
  | { readonly type: 'heading'; readonly kind: StepKind }
  /** `number`: 1-based in its section, or the letter of the form's last analysis, which some judges copy. */
  | { readonly type: 'analysis'; readonly number: string }
  | { readonly type: 'conclusion'; readonly text: string };

/** A heading stands at the beginning of a line or behind a tag, perhaps emphasised as in Markdown. */
const HEADING = String.raw`(?<=^|>)[ \t#*_]*\[(visual elements|perception|reasoning)\][ \t*_:]*(?=$|<)`;

function tagsOf(code: string | null): RegExp {
  const tail = code === null ? '' : `_${code}`;
  return new RegExp(String.raw`${HEADING}|<(\/?)(?:analysis_(\d+|[a-z])|conclusion)${tail}>`, 'gim');
}

/** Where the closing tag of an opening one begins; null without one. The lengths of both differ by one. */
function closingOf(text: string, opening: string, from: number): number | null {
  const closing = new RegExp(`</${opening.slice(1)}`, 'gi');
  closing.lastIndex = from;
  return closing.exec(text)?.index ?? null;
}

/** Whether what follows an analysis that is not closed is its conclusion, with no other tag before. */
function concludes(rest: string, code: string | null): boolean {
  return /^<conclusion/i.test(tagsOf(code).exec(rest)?.[0] ?? '');
}

/**
 * Headings, analyses and conclusions at the top level of an answer; null when its tags are not balanced. What stands
 * inside an analysis belongs to it. An analysis may lack its closing tag where the conclusion follows at once.
 */
function readParts(text: string, code: string | null): Part[] | null {
  const parts: Part[] = [];
  const tags = tagsOf(code);
  for (let tag = tags.exec(text); tag !== null; tag = tags.exec(text)) {
    const [token, heading, slash, number] = tag;
    if (heading !== undefined) {
      parts.push({ type: 'heading', kind: heading.toLowerCase() === 'reasoning' ? 'reasoning' : 'perception' });
      continue;
    }
    if (slash === '/') return null;
    const begin = tags.lastIndex;
    const end = closingOf(text, token, begin);
    if (end === null && (number === undefined || !concludes(text.slice(begin), code))) return null;
    const inside = text.slice(begin, end ?? begin);
    // Opened once more before it is closed: a quotation, or the analysis of another section, nobody knows.
    if (inside.toLowerCase().includes(token.toLowerCase())) return null;
    parts.push(number === undefined ? { type: 'conclusion', text: inside } : { type: 'analysis', number });
    if (end !== null) tags.lastIndex = end + token.length + 1;
  }
  return parts;
}

/** Flat indices of the steps that analyses under a heading are numbered by. */
type Numbering = (heading: StepKind | null) => readonly number[];

function numberingOf(steps: readonly Step[], through: boolean): Numbering {
  const all = [...steps.keys()];
  return (heading) => (through ? all : all.filter((index) => steps[index]?.kind === heading));
}

/** The step of an analysis: after `last`, that of the analysis before it. */
function analysed(number: string, section: readonly number[], last: number): number | UnreadableReason {
  if (/\d/.test(number)) {
    const index = section[Number(number) - 1];
    if (index === undefined) return 'no-such-step';
    return index > last ? index : 'out-of-order';
  }
  const left = section.filter((index) => index > last);
  return left.length === 1 && left[0] !== undefined ? left[0] : 'no-such-step';
}

/** The words of a conclusion, without emphasis and punctuation. */
const wordsOf = (text: string): string => (text.toLowerCase().match(/[a-z]+/g) ?? []).join(' ');

/** The step of the last analysis, -1 for none; what the conclusions say, without doubles. */
function follow(
  parts: readonly Part[],
  numbering: Numbering,
  gapless: boolean,
): { last: number; conclusions: Set<string> } | UnreadableReason {
  let heading: StepKind | null = null;
  let last = -1;
  const conclusions = new Set<string>();
  for (const part of parts) {
    if (part.type === 'heading') heading = part.kind;
    else if (part.type === 'conclusion') conclusions.add(wordsOf(part.text));
    else {
      if (conclusions.size > 0) return 'analysis-after-conclusion';
      const index = analysed(part.number, numbering(heading), last);
      if (typeof index === 'string') return index;
      if (gapless && index > last + 1) return 'skipped-step';
      // By section a step is passed over, numbered through none is.
      if (last >= 0 && index > last + 1 && Number(part.number) === last + 2) return 'ambiguous-number';
      last = index;
    }
  }
  return { last, conclusions };
}

/** Whether the steps of a solution have no sections to number them by: of unknown kind, or in sections that recur. */
function isNumberedThrough(steps: readonly Step[]): boolean {
  const sections = steps
    .map(({ kind }) => kind)
    .filter((kind, index, kinds) => index === 0 || kind !== kinds[index - 1]);
  return sections.includes(null) || sections.length > new Set(sections).size;
}

/**
 * Reads a judge's answer in the tag grammar: an `<analysis_n>` for each step up to the first wrong one, then one
 * `<conclusion>`. The first error is at the last analysis, found by its number, never by comparing texts. What stands
 * inside an analysis is never read as structure, prose around is passed over, and an answer that can be read in two ways
 * is no verdict.
 *
 * With a `code`, as `verificationPrompt` asks for it, only tags that carry it are structure, steps are numbered through,
 * and none may be passed over. Without one, as in the VL-PRM data (arXiv 2509.23250), steps are numbered by section, under `[Visual Elements]`
 * (or `[Perception]`) and `[Reasoning]`; those that have no sections are numbered through.
 */
export function parseVerification(
  text: string,
  steps: readonly Step[],
  code: string | null = null,
): VerificationReading {
  const parts = readParts(text, code);
  if (parts === null) return unreadable('unbalanced-tags');
  const whole = code !== null;
  const followed = follow(parts, numberingOf(steps, whole || isNumberedThrough(steps)), whole);
  if (typeof followed === 'string') return unreadable(followed);
  const { last, conclusions } = followed;
  if (conclusions.size === 0) return unreadable('no-conclusion');
  if (conclusions.size > 1) return unreadable('contradicting-conclusions');
  if (conclusions.has('correct')) {
    return whole && last < steps.length - 1 ? unreadable('skipped-step') : verified(steps, null);
  }
  if (!conclusions.has('incorrect')) return unreadable('unclear-conclusion');
  return last < 0 ? unreadable('incorrect-without-analysis') : verified(steps, last);
}

/**
 * A judge's answer in the tag grammar, with the text of one analysis for each step up to the first wrong one. Inverse of
 * `parseVerification`, for texts that do not close their analysis.
 */
export function formatVerification(
  steps: readonly Step[],
  { analyses, firstError }: { readonly analyses: readonly string[]; readonly firstError: number | null },
  code: string | null = null,
): string {
  const tail = code === null ? '' : `_${code}`;
  const through = code !== null || isNumberedThrough(steps);
  const lines = analyses.flatMap((analysis, index) => {
    const kind = through ? null : (steps[index]?.kind ?? null);
    const begins = kind !== null && steps[index - 1]?.kind !== kind;
    const number = kind === null ? index + 1 : steps.slice(0, index + 1).filter((step) => step.kind === kind).length;
    const tag = `analysis_${number}${tail}`;
    return [...(begins ? [SECTION_HEADINGS[kind]] : []), `<${tag}>${analysis}</${tag}>`];
  });
  const conclusion = firstError === null ? 'Correct' : 'Incorrect';
  return [...lines, `<conclusion${tail}>${conclusion}</conclusion${tail}>`].join('\n');
}
