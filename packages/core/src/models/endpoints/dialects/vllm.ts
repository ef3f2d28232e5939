import { givenFields, type Dialect } from './dialect.ts';
import { encodeOpenAiChat, encodeOpenSampling } from './openai-chat.ts';
import { openAiCompatible, serverAddresses } from './openai-compatible.ts';

/** Reading a prompt with its images seldom takes longer; writing the answer does. */
export const PREFILL_MS = 1000;

/**
 * vLLM's server. What it has beyond the API of OpenAI are plain fields of the body:
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
 */
export const vllm: Dialect = {
  ...openAiCompatible,
  kind: 'vllm',
  assumed: {
    prefill: true,
    topLogprobs: 20,
    labelLogprobs: false,
    images: true,
    maxImages: null,
    n: true,
    structuredOutput: true,
    jsonSchema: true,
    prefixCaching: false,
    stop: true,
    stopReason: true,
    sampling: true,
  },
  maxConcurrency: 256,
  prefixWarmupMs: PREFILL_MS,
  seedBelow: 2 ** 53,
  addresses: serverAddresses,
  encodeChat: (request, settings) => ({
    ...encodeOpenAiChat(request, settings, 'max_tokens'),
    ...encodeOpenSampling(request, settings),
    ...givenFields({
      continue_final_message: request.continueFinal || null,
      add_generation_prompt: request.continueFinal ? false : null,
      include_stop_str_in_output: request.stop.length > 0 ? false : null,
      logprob_token_ids: request.labelTokenIds,
      return_tokens_as_token_ids: request.labelTokenIds === null ? null : true,
      // `guided_choice` is the name before 0.10.2; a version that does not know a field leaves it alone.
      structured_outputs: request.choices && { choice: request.choices },
      guided_choice: request.choices,
    }),
  }),
};
