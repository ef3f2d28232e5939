import { extractAnswer } from './answer-extraction.ts';
import { formatBlocks, parseContinuation, placeAfter } from './step-grammar.ts';
import type { StepSplitter } from './step-splitter.ts';

const FIRST_END = /<\/step_\d+>|<correct_answer>/i;
const NEXT = /<\/?step_\d+>|<correct_answer>|\[(?:visual elements|perception|reasoning)\]/i;

/**
 * Steps in the step grammar. The answer counts with the last step, so the stop texts lie behind the place where an answer
 * would stand. With k steps done in the open section (0 at the start):
 *
 * | the first new step         | what follows it    | stopped at                          | ended                  |
 * |----------------------------|--------------------|-------------------------------------|------------------------|
 * | step k+1 of the section    | step k+2           | `<step_{k+2}>`                      | no                     |
 * | step k+1 of the section    | the next section   | its `<step_2>`, or `<step_3>` if k = 1 | no                  |
 * | step 1 of the next section | step 2             | `<step_2>`, or `<step_3>` if k = 1  | no                     |
 * | either                     | the answer         | `</correct_answer>`                 | yes                    |
 * | either                     | nothing            | its own end                         | yes, without an answer |
 * | none: all steps are done   | the answer         | `</correct_answer>`                 | yes                    |
 *
 * For k = 1 `<step_2>` opens the very step that is wanted, and so is no stop text. What lies beyond the first new step,
 * at most two steps, is cut off. Where a server does not say what stopped a text, a step with nothing behind it counts
 * as not ended: the next call finds the end at once.
 */
export const taggedSteps: StepSplitter = {
  join: (steps, from = 0) => (from < steps.length ? `${formatBlocks(steps).slice(from).join('\n')}\n` : ''),
  split: parseContinuation,
  stops: (prefix) => {
    const { section, number } = placeAfter(prefix);
    const done = section === null ? 0 : number;
    return [...(done >= 2 ? ['<step_2>'] : []), `<step_${done + 2}>`, '</correct_answer>'];
  },
  first: (prefix, text, endedBy) => {
    const mark = FIRST_END.exec(text);
    if (mark === null) return { ...parseContinuation(prefix, text), ended: endedBy === null };
    if (!mark[0].startsWith('</')) return { ...parseContinuation(prefix, text), ended: true };
    const end = mark.index + mark[0].length;
    const { steps } = parseContinuation(prefix, text.slice(0, end));
    const rest = text.slice(end);
    const next = NEXT.exec(rest)?.[0].toLowerCase();
    if (next === '<correct_answer>') return { steps, finalAnswer: extractAnswer(rest), ended: true };
    return { steps, finalAnswer: null, ended: next === undefined && endedBy === null };
  },
};
