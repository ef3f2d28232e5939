import type { Step, StepKind, StepLabel } from '../records/index.ts';
import { isFlat } from './step-grammar.ts';

/** What a judge's text says: a verdict per step (null after the first error) and the place of that error. */
export interface Verification {
  readonly verdicts: readonly StepLabel[];
  /** Flat 0-based index of the first wrong step, null when the solution was found right. */
  readonly firstError: number | null;
}

const CONCLUSION = /<conclusion>\s*(correct|incorrect)\s*<\/conclusion>/gi;
const MARK = /\[(visual elements|perception|reasoning)\]|<analysis_(\d+)>/gi;

/** Section (null before any heading) and 1-based number of the last analysis in the text. */
function lastAnalysis(text: string): { kind: StepKind | null; number: number } | null {
  let kind: StepKind | null = null;
  let last: { kind: StepKind | null; number: number } | null = null;
  for (const [, heading, number] of text.matchAll(MARK)) {
    if (heading !== undefined) kind = heading.toLowerCase() === 'reasoning' ? 'reasoning' : 'perception';
    else last = { kind, number: Number(number) };
  }
  return last;
}

/** Flat 0-based index of the step that the last analysis is about; undefined when there is no such step. */
function lastAnalysed(text: string, steps: readonly Step[]): number | undefined {
  const last = lastAnalysis(text);
  if (last === null) return undefined;
  const numbered = isFlat(steps)
    ? [...steps.keys()]
    : steps.flatMap((step, index) => (step.kind === last.kind ? [index] : []));
  return numbered[last.number - 1];
}

/**
 * Reads a judge's reply to the verification prompt. The first error is at its last analysis, found by section and
 * number, never by comparing texts; `[Perception]` and `[Visual Elements]` are the same section. Steps of unknown kind are
 * numbered through.
 * Null when there is no single conclusion, or it says Incorrect without pointing at a step of the solution:
 * an unreadable reply is no verdict.
 */
export function parseVerification(text: string, steps: readonly Step[]): Verification | null {
  const conclusions = new Set([...text.matchAll(CONCLUSION)].map((match) => match[1]?.toLowerCase()));
  if (conclusions.size !== 1) return null;
  if (conclusions.has('correct')) return { verdicts: steps.map(() => 1), firstError: null };
  const firstError = lastAnalysed(text, steps);
  if (firstError === undefined) return null;
  const verdicts = steps.map((_, index): StepLabel => (index < firstError ? 1 : index === firstError ? -1 : null));
  return { verdicts, firstError };
}
