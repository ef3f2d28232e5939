import type { Judge, Review } from '../../../models/ports.ts';
import type { Step, StepKind } from '../../../records/index.ts';
import { parseSolution, SECTION_HEADINGS } from '../../../text/step-grammar.ts';
import type { Brain, ServedRequest } from '../brain.ts';
import { refuseInvalid } from '../refusals.ts';
import { presentedProblem, taggedBlock, userText } from './presented.ts';

/** The reply that the verification prompt asks for: analyses up to the first error, then the conclusion. */
function formatReview(steps: readonly Step[], { firstError }: Review): string {
  const lines: string[] = [];
  let section: StepKind | null = null;
  let number = 0;
  for (const [index, { kind }] of steps.slice(0, (firstError ?? steps.length) + 1).entries()) {
    if (kind !== null && kind !== section) lines.push(SECTION_HEADINGS[kind]);
    number = kind === section ? number + 1 : 1;
    section = kind;
    lines.push(`<analysis_${number}>${index === firstError ? 'This is wrong.' : 'This holds.'}</analysis_${number}>`);
  }
  lines.push(`<conclusion>${firstError === null ? 'Correct' : 'Incorrect'}</conclusion>`);
  return lines.join('\n');
}

const HEADING = /\[(visual elements|perception|reasoning)\]/i;
const FLAT_STEP = /<step_(\d+)>([\s\S]*?)<\/step_\1>/g;

/** The steps of a solution; without headings they are of unknown kind. */
function readSteps(solution: string): Step[] {
  if (HEADING.test(solution)) return parseSolution(solution).steps;
  return [...solution.matchAll(FLAT_STEP)].map(([, , text = '']) => ({ kind: null, text }));
}

/** A judge of this process behind a server: reads question and solution between their tags, and writes its verdict. */
export function judgeBrain(judge: Judge): Brain {
  let unseeded = 0;
  const review = async (request: ServedRequest): Promise<string> => {
    const asked = userText(request.messages);
    const solution = taggedBlock(asked, 'solution');
    if (solution === null) return refuseInvalid('there is no solution to judge');
    const presented = await presentedProblem(taggedBlock(asked, 'question') ?? asked, request.messages);
    const steps = readSteps(solution);
    const { reviews } = await judge.review([{ ...presented, steps }], { seed: request.seed ?? unseeded++ });
    const [sampled] = reviews;
    return sampled?.ok === true ? formatReview(steps, sampled.value) : refuseInvalid(String(sampled?.error.message));
  };
  return {
    write: async (request) => {
      const text = await review(request);
      return Array.from({ length: request.n }, () => text);
    },
  };
}
