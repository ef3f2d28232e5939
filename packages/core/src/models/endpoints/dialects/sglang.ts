import { givenFields, type Dialect } from './dialect.ts';
import { encodeOpenAiChat, encodeOpenSampling } from './openai-chat.ts';
import { vllm } from './vllm.ts';

const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** SGLang's server: https://docs.sglang.ai/basic_usage/openai_api_completions.html */
export const sglang: Dialect = {
  ...vllm,
  kind: 'sglang',
  // With its deterministic mode every choice of one call would be drawn with the same seed.
  assumed: { ...vllm.assumed, n: false },
  maxChoices: 1,
  seedBelow: 2 ** 31,
  encodeChat: (request, settings) => ({
    ...encodeOpenAiChat(request, settings, 'max_tokens'),
    ...encodeOpenSampling(request, settings),
    ...givenFields({
      continue_final_message: request.continueFinal || null,
      regex: request.choices && `(${request.choices.map(escapeRegex).join('|')})`,
    }),
  }),
};
