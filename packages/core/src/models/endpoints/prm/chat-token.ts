import { ServiceError } from '../../../runtime/gateway/service-error.ts';
import { malformed } from '../dialects/answer-json.ts';
import type { ChatAnswer, ChatRequest, TokenLogprob } from '../chat.ts';
import type { PrmEndpointConfig } from '../endpoint-config.ts';
import { estimateMessages } from '../estimate.ts';
import type { ModelService } from '../model-service.ts';
import { labelledMessages, prmConversation, type PrmConversation } from './conversation.ts';
import { readLabels, tokensAt } from './labels.ts';
import { addCost, costOfPass, NO_COST, prmCall, type StepLogitReader } from './step-logit-reader.ts';

/** Most that OpenAI takes, and vLLM unless it is told otherwise. */
const TOP_LOGPROBS = 20;

/**
 * Reads a generative PRM through chat completions of one token: every server that reports log-probabilities will do.
 * One call a step: the steps before it are turns with the positive label, its own turn waits for the label. The prompt of
 * a step begins with that of the step before, so servers with a prefix cache read each token once.
 * @throws ServiceError ERR_CAPABILITY_MISSING when the endpoint reports no log-probabilities
 */
export function chatTokenReader(service: ModelService, config: PrmEndpointConfig): StepLogitReader {
  const { capabilities } = service;
  if (capabilities.topLogprobs === 0) {
    throw new ServiceError('ERR_CAPABILITY_MISSING', `${service.name} reports no log-probabilities`, {
      fix: 'serve the PRM with vLLM, SGLang or llama.cpp, or set capabilities.topLogprobs if the server has them',
    });
  }
  const { positiveId, negativeId } = config.labels;
  const ids = positiveId === undefined || negativeId === undefined ? null : [positiveId, negativeId];
  const request = (conversation: PrmConversation, step: number): ChatRequest => ({
    messages: labelledMessages(conversation, step + 1, 'open', config.labels.positive),
    n: 1,
    seed: null,
    sampling: {
      temperature: capabilities.sampling ? 0 : null,
      topP: null,
      topK: null,
      minP: null,
      repetitionPenalty: null,
      maxTokens: 1,
    },
    stop: [],
    continueFinal: false,
    topLogprobs: Math.min(TOP_LOGPROBS, capabilities.topLogprobs),
    labelTokenIds: capabilities.labelLogprobs ? ids : null,
    choices: null,
  });
  return {
    readsAllStepsAtOnce: false,
    read: async (solution, steps, signal) => {
      const conversation = prmConversation(solution, config);
      const context = prmCall(solution, conversation.images, signal);
      const calls = steps.map(async (step) => {
        const asked = request(conversation, step);
        const answered = await service.chat(asked, context);
        return {
          reading: readLabels(tokensOf(answered.answer), config.labels, config.missingLabel),
          cost: costOfPass(answered, estimateMessages(asked.messages)),
        };
      });
      const read = await Promise.all(calls);
      return {
        readings: read.map(({ reading }) => reading),
        ...read.map(({ cost }) => cost).reduce(addCost, NO_COST),
      };
    },
  };
}

/** What a server reported at the place of the label. */
function tokensOf({ choices: [choice] }: ChatAnswer): readonly TokenLogprob[] {
  if (choice?.finish === 'content-filter') {
    throw new ServiceError('ERR_CONTENT_FILTER', 'the content filter kept the label back');
  }
  const [written] = choice?.logprobs ?? [];
  if (written === undefined) throw malformed('the answer has no log-probabilities');
  return tokensAt(written);
}
