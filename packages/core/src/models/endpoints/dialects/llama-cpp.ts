import type { ChatAnswer, ChatRequest } from '../chat.ts';
import { givenFields, type Dialect } from './dialect.ts';
import { encodeOpenAiChat, encodeOpenSampling } from './openai-chat.ts';
import { openAiCompatible, serverAddresses } from './openai-compatible.ts';
import { messageText } from './openai-messages.ts';
import { PREFILL_MS } from './vllm.ts';

/** A GBNF grammar that holds the completion to one of these texts. */
function choiceGrammar(choices: readonly string[]): string {
  return `root ::= ${choices.map((choice) => JSON.stringify(choice)).join(' | ')}`;
}

/** Without a stream, an answer that goes on from a text of the assistant begins with that text. */
function withoutPrefill(answer: ChatAnswer, { messages }: ChatRequest): ChatAnswer {
  const last = messages.at(-1);
  const said = last ? messageText(last) : '';
  const choices = answer.choices.map((choice) => {
    // A chat template may have trimmed it.
    const repeated = [said, said.trim()].find((text) => choice.text.startsWith(text)) ?? '';
    return { ...choice, text: choice.text.slice(repeated.length) };
  });
  return { choices };
}

/**
 * llama.cpp's server, which goes on with a last message of the assistant unless it is told not to:
 * https://github.com/ggml-org/llama.cpp/tree/master/tools/server
 */
export const llamaCpp: Dialect = {
  ...openAiCompatible,
  kind: 'llama.cpp',
  assumed: {
    prefill: true,
    topLogprobs: 20,
    labelLogprobs: false,
    images: true,
    maxImages: null,
    n: false,
    structuredOutput: true,
    jsonSchema: true,
    prefixCaching: true,
    stop: true,
    stopReason: false,
    sampling: true,
  },
  maxConcurrency: 8,
  prefixWarmupMs: PREFILL_MS,
  // It takes no more than it has slots, and reports the tokens of one choice alone.
  maxChoices: 1,
  // The highest 32-bit number asks for a random seed.
  seedBelow: 2 ** 32 - 1,
  addresses: serverAddresses,
  encodeChat(request, settings) {
    const { repetition_penalty: repeatPenalty = null, ...open } = encodeOpenSampling(request, settings);
    return {
      ...encodeOpenAiChat(request, settings, 'max_tokens'),
      ...open,
      ...givenFields({
        repeat_penalty: repeatPenalty,
        cache_prompt: true,
        grammar: request.choices && choiceGrammar(request.choices),
        continue_final_message: request.continueFinal || null,
        add_generation_prompt: request.continueFinal ? false : null,
      }),
    };
  },
  decodeChat(response, request, settings) {
    const answer = openAiCompatible.decodeChat(response, request, settings);
    return request.continueFinal && !settings.stream ? withoutPrefill(answer, request) : answer;
  },
};
