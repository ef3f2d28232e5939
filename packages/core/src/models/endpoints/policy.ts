import { addUsage, NO_USAGE } from '../../records/index.ts';
import { throwIfAborted, VlprmError } from '../../runtime/errors.ts';
import { allAtOnce } from '../../runtime/flow/all-at-once.ts';
import { NUMBERED_PROMPT, PARAGRAPHS_PROMPT, SOLUTION_PROMPT } from '../../text/prompts.ts';
import { createStepSplitter } from '../../text/step-splitters.ts';
import type { Policy } from '../ports.ts';
import { continuePrefix, type Writer } from './continuation.ts';
import type { EndpointConfig } from './endpoint-config.ts';
import type { ModelService } from './model-service.ts';
import { resolveSampling } from './presets.ts';

export type EndpointPolicyConfig = Pick<EndpointConfig, 'sampling' | 'steps' | 'prompt'>;

/** The configured prompt, or the one that asks for the steps that the splitter reads. */
function promptFor({ prompt, steps }: EndpointPolicyConfig): string {
  if (prompt === undefined) {
    if (steps === undefined || steps === 'tagged') return SOLUTION_PROMPT.text;
    return steps === 'numbered' ? NUMBERED_PROMPT.text : PARAGRAPHS_PROMPT.text;
  }
  if (prompt.includes('{question}')) return prompt;
  throw new VlprmError('ERR_CONFIG', 'the prompt has no place for the question', {
    where: 'prompt',
    fix: 'write {question} where the question goes, and {answer} where the form of the answer does',
  });
}

/**
 * A policy behind an endpoint. All images of a problem stand before its prompt, and a prefix is the beginning of the
 * assistant's answer: continued in place where the endpoint has prefill, else asked for by `CONTINUATION_PROMPT`, and what
 * the model repeats of it is cut off.
 *
 * All prefixes are asked for at once: the gateway holds them back. A call that failed, an answer that was cut off, one that
 * a content filter withheld and a prefix that cannot be written are failed samples; text that cannot be read is a proposal
 * without steps. What no other call could escape ends the whole: ERR_AUTH, ERR_MODEL_UNKNOWN, ERR_DIALECT,
 * ERR_ENDPOINT_UNREACHABLE, ERR_QUOTA_EXHAUSTED, ERR_BUDGET, ERR_ABORTED.
 *
 * Continuations of a prefix are one call with `n` and the caller's seed: the i-th depends on model, prefix, seed and i
 * alone as far as the server keeps that promise. At temperature 0 they are one continuation, asked for once: the others
 * are copies, for which nothing was written.
 *
 * The service is the caller's to close.
 * @throws ERR_CONFIG for an unknown preset, a separator that cannot part steps, or a prompt without {question}
 */
export function createEndpointPolicy(service: ModelService, config: EndpointPolicyConfig = {}): Policy {
  const writer: Writer = {
    service,
    splitter: createStepSplitter(config.steps ?? 'tagged'),
    prompt: promptFor(config),
    sampling: resolveSampling(config.sampling),
  };
  return {
    name: service.name,
    capabilities: { images: service.capabilities.images, maxSteps: null },
    propose: async (prefixes, options, signal) => {
      throwIfAborted(signal);
      const drawn = await allAtOnce(prefixes, signal, (prefix, own) => continuePrefix(writer, prefix, options, own));
      return {
        proposals: drawn.map(({ samples }) => samples),
        usage: drawn.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
      };
    },
  };
}
