import { createAnswerChecker, parseSolution } from '@vlprm/core/text';
import type { Outcome, Step, StepValue } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';
import type { RolloutRow } from './rows.ts';

/** A solution of `rollouts.jsonl`, read. */
export interface ReferenceSolution {
  readonly question: string;
  readonly steps: readonly Step[];
  /** [steps], or fewer: the steps behind them were not estimated. */
  readonly values: readonly (StepValue | null)[];
  readonly finalAnswer: string | null;
  readonly outcome: Outcome;
}

const QUESTION = /<question>([\s\S]*?)<\/question>/;

/** The question inside of a prompt; null when the prompt marks none. */
export function questionIn(prompt: string): string | null {
  return QUESTION.exec(prompt)?.[1]?.trim() || null;
}

function questionOf(row: RolloutRow, questions: ReadonlyMap<string, string>): string {
  const question = questionIn(row.question ?? '') ?? questions.get(row.uid);
  if (question !== undefined) return question;
  throw new VlprmError('ERR_FILE_MALFORMED', 'no <question> in the prompt, and no problem of this uid', {
    where: 'question',
  });
}

const spaced = (text: string): string => text.replace(/\s+/g, ' ').trim();

/**
 * Whether counts end at a step that no rollout got right: an option of that pipeline (`early_stop`) leaves out what
 * follows one.
 */
const stoppedEarly = (scored: RolloutRow['steps_with_score']): boolean => scored.at(-1)?.num_mc_correct === 0;

/** Steps are matched by their place: texts may repeat. @throws ERR_STEP_COUNT, ERR_TRACE_MALFORMED */
function requireSameSteps(steps: readonly Step[], scored: RolloutRow['steps_with_score']): void {
  if (scored.length > steps.length || (scored.length < steps.length && !stoppedEarly(scored))) {
    throw new VlprmError('ERR_STEP_COUNT', `${scored.length} scored steps, ${steps.length} in the response`, {
      where: 'steps_with_score',
    });
  }
  const other = scored.findIndex(({ step }, index) => spaced(step) !== spaced(steps[index]?.text ?? ''));
  if (other < 0) return;
  throw new VlprmError('ERR_TRACE_MALFORMED', 'the scored step has another text than that of the response', {
    where: `steps_with_score[${other}].step`,
  });
}

/** Null without rollouts. Failed calls and unreadable answers were counted as wrong where the data was made. */
function stepValue(scored: RolloutRow['steps_with_score'][number], index: number): StepValue | null {
  const { num_mc_correct: correct, num_mc_total: budget } = scored;
  if (correct > budget) {
    throw new VlprmError('ERR_TRACE_MALFORMED', `${correct} right rollouts of ${budget}`, {
      where: `steps_with_score[${index}].num_mc_correct`,
    });
  }
  return budget === 0 ? null : { correct, incorrect: budget - correct, unparsable: 0, failed: 0, budget };
}

/**
 * Reads a row of `rollouts.jsonl`: section and text of the steps from the response, counts in the order of the steps.
 * @param questions questions by uid, for prompts that mark none
 * @throws ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED, ERR_STEP_COUNT, ERR_FILE_MALFORMED, ERR_DATASET_INVALID for an answer
 *   that no checker understands
 */
export function readSolution(row: RolloutRow, questions: ReadonlyMap<string, string>): ReferenceSolution {
  if (row.parsing_failed === true) {
    throw new VlprmError('ERR_TRACE_MALFORMED', 'marked there as a response that could not be read', {
      where: 'parsing_failed',
    });
  }
  const question = questionOf(row, questions);
  const { steps, finalAnswer } = parseSolution(row.response);
  requireSameSteps(steps, row.steps_with_score);
  const [outcome] = createAnswerChecker().check([{ answer: finalAnswer, reference: row.answer, options: null }]);
  return { question, steps, values: row.steps_with_score.map(stepValue), finalAnswer, outcome: outcome ?? 'failed' };
}
