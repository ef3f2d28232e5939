import { givenFields, type Dialect } from './dialect.ts';
import { encodeOpenAiChat, encodeOpenSampling } from './openai-chat.ts';
import { openAiCompatible, serverAddresses } from './openai-compatible.ts';

/** A GBNF grammar that holds the completion to one of these texts. */
function choiceGrammar(choices: readonly string[]): string {
  return `root ::= ${choices.map((choice) => JSON.stringify(choice)).join(' | ')}`;
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
    prefixCaching: true,
    stopReason: false,
    sampling: true,
  },
  maxConcurrency: 8,
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
      }),
    };
  },
};
