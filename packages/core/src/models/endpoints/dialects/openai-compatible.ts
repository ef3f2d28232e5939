import { bearer, withoutEnding, type Dialect } from './dialect.ts';
import { decodeOpenAiChat, encodeOpenAiChat, encodeOpenSampling, readOpenAiUsage } from './openai-chat.ts';
import { assembleOpenAiStream } from './openai-stream.ts';

const ROUTES = [/\/(chat\/completions|models)$/];
const SERVER_ROUTES = [/\/v1\/(chat\/completions|completions|models)$/, /\/v1$/];

/** Any other server with chat completions. Its base URL is taken as it is; only a bare host gets `/v1`. */
export const openAiCompatible: Dialect = {
  kind: 'openai-compatible',
  assumed: {
    prefill: false,
    topLogprobs: 0,
    labelLogprobs: false,
    images: false,
    maxImages: null,
    n: false,
    structuredOutput: false,
    jsonSchema: false,
    prefixCaching: false,
    stop: true,
    stopReason: false,
    sampling: true,
  },
  maxConcurrency: 64,
  prefixWarmupMs: null,
  maxChoices: Infinity,
  maxStops: Infinity,
  seedBelow: 2 ** 31,
  quotaPerMinute: false,
  addresses(baseUrl) {
    const given = withoutEnding(baseUrl, ROUTES);
    const api = given === baseUrl.origin ? `${given}/v1` : given;
    return { root: api.replace(/\/v1$/, ''), chat: `${api}/chat/completions`, models: `${api}/models` };
  },
  authorization: bearer,
  encodeChat: (request, settings) => ({
    ...encodeOpenAiChat(request, settings, 'max_tokens'),
    ...encodeOpenSampling(request, settings),
  }),
  decodeChat: decodeOpenAiChat,
  readUsage: readOpenAiUsage,
  assemble: assembleOpenAiStream,
};

/** Routes of servers that have all of theirs below one root, chat completions under `/v1`. */
export const serverAddresses: Dialect['addresses'] = (baseUrl) => {
  const root = withoutEnding(baseUrl, SERVER_ROUTES);
  return { root, chat: `${root}/v1/chat/completions`, models: `${root}/v1/models` };
};
