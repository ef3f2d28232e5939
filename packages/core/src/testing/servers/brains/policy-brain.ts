import type { Policy, Proposal } from '../../../models/ports.ts';
import type { Step } from '../../../records/index.ts';
import { formatSolution, formatSteps, parseSolution } from '../../../text/step-grammar.ts';
import type { Brain, ServedRequest } from '../brain.ts';
import { refuseInvalid } from '../refusals.ts';
import { presentedProblem, taggedBlock, userText } from './presented.ts';

const LAST_STEP = /^[\s\S]*<\/step_\d+>/;

/** A written prefix in the step grammar: its whole steps, and what is written after the last of them. */
function readPrefix(text: string): { steps: Step[]; tail: string } {
  const whole = LAST_STEP.exec(text)?.[0] ?? '';
  return { steps: whole === '' ? [] : parseSolution(whole).steps, tail: text.slice(whole.length) };
}

/** What is still to be written of a solution after a prefix. A model cannot be made to write steps that are not its own. */
function textAfter(steps: readonly Step[], tail: string, { steps: added, finalAnswer }: Proposal): string {
  const all = [...steps, ...added];
  if (all.length === 0) return 'I cannot answer this.';
  const rest = formatSolution(all, finalAnswer).slice(steps.length === 0 ? 0 : formatSteps(steps).length);
  if (rest.startsWith(tail)) return rest.slice(tail.length);
  if (tail.trim() === '') return rest.trimStart();
  return refuseInvalid(`this model does not go on from ${JSON.stringify(tail)}`);
}

/**
 * A policy of this process behind a server: reads the question between its tags, the images and the steps of the
 * assistant's last message, and writes the rest of the solution in the step grammar, whether it goes on with that message
 * or is asked for the rest in another one. A sample that failed in the policy refuses the request.
 */
export function policyBrain(policy: Policy): Brain {
  let unseeded = 0;
  const propose = async (request: ServedRequest, steps: readonly Step[]): Promise<Proposal[]> => {
    const asked = userText(request.messages);
    const presented = await presentedProblem(taggedBlock(asked, 'question') ?? asked, request.messages);
    const { proposals } = await policy.propose([{ ...presented, steps }], {
      n: request.n,
      stop: 'end',
      seed: request.seed ?? unseeded++,
      ...(request.temperature === null ? {} : { temperature: request.temperature }),
    });
    return (proposals[0] ?? []).map((sample) => (sample.ok ? sample.value : refuseInvalid(sample.error.message)));
  };
  return {
    write: async (request) => {
      const written = request.messages.findLast(({ role }) => role === 'assistant')?.text ?? '';
      const { steps, tail } = readPrefix(written);
      return (await propose(request, steps)).map((proposal) => textAfter(steps, tail, proposal));
    },
  };
}
