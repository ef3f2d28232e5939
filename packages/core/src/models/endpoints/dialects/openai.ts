import type { Dialect } from './dialect.ts';
import { encodeOpenAiChat, refuseOpenSampling } from './openai-chat.ts';
import { openAiCompatible, serverAddresses } from './openai-compatible.ts';

/** The API of OpenAI: https://platform.openai.com/docs/api-reference/chat/create */
export const openAi: Dialect = {
  ...openAiCompatible,
  kind: 'openai',
  assumed: {
    prefill: false,
    topLogprobs: 20,
    labelLogprobs: false,
    images: true,
    maxImages: null,
    n: true,
    // Its structured output is JSON, never one of a set of texts.
    structuredOutput: false,
    jsonSchema: true,
    prefixCaching: true,
    stop: true,
    stopReason: false,
    sampling: true,
  },
  maxChoices: 128,
  maxStops: 4,
  seedBelow: 2 ** 53,
  quotaPerMinute: true,
  addresses(...server) {
    const addresses = serverAddresses(...server);
    return { ...addresses, batch: { base: `${addresses.root}/v1`, query: '', route: '/v1/chat/completions' } };
  },
  encodeChat(request, settings) {
    refuseOpenSampling(request, settings);
    return encodeOpenAiChat(request, settings, 'max_completion_tokens');
  },
};
