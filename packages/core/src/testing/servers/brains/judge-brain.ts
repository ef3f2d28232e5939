import type { Judge, Review } from '../../../models/ports.ts';
import type { Step, StepKind } from '../../../records/index.ts';
import { restoreText } from '../../../text/quoted-text.ts';
import { formatVerificationJson } from '../../../text/verification-json.ts';
import { formatVerification } from '../../../text/verification.ts';
import type { Brain, ServedRequest } from '../brain.ts';
import { refuseInvalid } from '../refusals.ts';
import { presentedProblem, taggedBlock, userText } from './presented.ts';

const SHOWN = /^\[(visual elements|reasoning)\]$|<step_(\d+)>([\s\S]*?)<\/step_\2>/gim;
const CODE = /<conclusion_([a-z0-9]+)>/;

/** The steps of a solution as the verification prompt shows it; without headings they are of unknown kind. */
function readSteps(solution: string): Step[] {
  let kind: StepKind | null = null;
  const steps: Step[] = [];
  for (const [, heading, number, text = ''] of solution.matchAll(SHOWN)) {
    if (number !== undefined) steps.push({ kind, text: restoreText(text) });
    else kind = heading?.toLowerCase() === 'reasoning' ? 'reasoning' : 'perception';
  }
  return steps;
}

/** The answer that the verification prompt asks for: analyses up to the first error, then the conclusion. */
function formatReview(steps: readonly Step[], { firstError }: Review, code: string | null): string {
  const analyses = steps
    .slice(0, (firstError ?? steps.length) + 1)
    .map((_, index) => (index === firstError ? 'This is wrong.' : 'This holds.'));
  const said = { analyses, firstError };
  return code === null ? formatVerificationJson(said) : formatVerification(steps, said, code);
}

/** A judge of this process behind a server: reads question and solution between their tags, and writes its verdict. */
export function judgeBrain(judge: Judge): Brain {
  let unseeded = 0;
  const review = async (request: ServedRequest): Promise<string> => {
    const asked = userText(request.messages);
    const solution = taggedBlock(asked, 'solution');
    if (solution === null) return refuseInvalid('there is no solution to judge');
    const question = restoreText(taggedBlock(asked, 'question') ?? asked);
    const presented = await presentedProblem(question, request.messages);
    const steps = readSteps(solution);
    const { reviews } = await judge.review([{ ...presented, steps }], { seed: request.seed ?? unseeded++ });
    const [sampled] = reviews;
    if (sampled?.ok !== true) return refuseInvalid(String(sampled?.error.message));
    return formatReview(steps, sampled.value, CODE.exec(asked)?.[1] ?? null);
  };
  return {
    write: async (request) => {
      const text = await review(request);
      return Array.from({ length: request.n }, () => text);
    },
  };
}
