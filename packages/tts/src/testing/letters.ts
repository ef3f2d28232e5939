import type { PresentedProblem, Solution } from '@vlprm/core';
import type { Problem, Step } from '@vlprm/core/records';
import { createScriptedPrm, type ScriptedContinuation, type ScriptedPrm } from '@vlprm/core/testing';

/** A problem that asks for a letter; its id is its group. */
export function letterProblem(id: string, answer: string | null = 'A'): Problem {
  return {
    schema: 'vlprm.problem/1',
    id,
    groupId: id,
    images: [],
    question: `Which letter is ${id}?`,
    options: null,
    answer,
    source: 'letters',
  };
}

/** What a model sees of `letterProblem(id)`. */
export function shown(id: string): PresentedProblem {
  const { schema, groupId, images, question, options, source } = letterProblem(id);
  return { problem: { schema, id, groupId, images, question, options, source }, images: [] };
}

/** The rest of a solution: the texts of its steps and its answer. */
export function written(steps: readonly string[], finalAnswer: string | null): ScriptedContinuation {
  return { steps: steps.map((text): Step => ({ kind: 'reasoning', text })), finalAnswer };
}

/** The texts of a solution's steps. */
export const textsOf = ({ steps }: Pick<Solution, 'steps'>): string[] => steps.map(({ text }) => text);

/** A PRM that scores a step by the texts up to it. */
export function grading(score: (texts: readonly string[]) => number): ScriptedPrm {
  return createScriptedPrm({ script: (_, index, solution) => score(textsOf(solution).slice(0, index + 1)) });
}
