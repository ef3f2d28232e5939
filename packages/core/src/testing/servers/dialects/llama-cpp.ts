import { z } from 'zod';
import { IMAGE_MARK, renderChat } from '../chat-template.ts';
import { hasBearer, json, routes, type Dialect, type Handler, type JsonReply } from '../dialect.ts';
import { refuseInvalid, retryAfterHeaders, type Refusal } from '../refusals.ts';
import { tokenize } from '../tokenizer.ts';
import { chatFields, messagesSchema, parseBody, readChatFields, readMessages } from './chat-body.ts';
import { chatReply } from './chat-reply.ts';
import { completion, grammarChoices, MEDIA, seed32 } from './llama-cpp-completion.ts';

const chatSchema = z.object({
  ...chatFields,
  model: z.string().default('gpt-3.5-turbo'),
  n_predict: z.int().nullish(),
  grammar: z.string().nullish(),
  cache_prompt: z.boolean().default(true),
});

const chat: Handler = async ({ body }, serving) => {
  const fields = parseBody(chatSchema, body);
  if ((fields.n ?? 1) !== 1) refuseInvalid('Only one completion choice is allowed');
  if (fields.top_logprobs != null && fields.logprobs !== true) {
    refuseInvalid('top_logprobs requires logprobs to be set to true');
  }
  const continueFinal = fields.messages.at(-1)?.role === 'assistant';
  if (continueFinal && fields.messages.at(-2)?.role === 'assistant') {
    refuseInvalid('Cannot have 2 or more assistant messages at the end of the list.');
  }
  const request = readChatFields(fields, serving.model, {
    continueFinal,
    generationPrompt: !continueFinal,
    choices: grammarChoices(fields.grammar),
  });
  const answer = await serving.complete({ ...request, seed: seed32(fields.seed) }, { keepStop: false });
  return chatReply(answer, {
    model: fields.model,
    fields,
    logprobsMissing: serving.logprobsMissing,
    labelTokenIds: null,
    cacheReport: fields.cache_prompt,
    style: {
      choice: () => ({}),
      response: ({ prompt, cachedTokens, completionTokens }) => ({
        system_fingerprint: 'b7000-0000000',
        timings: {
          cache_n: cachedTokens,
          prompt_n: prompt.tokens.length - cachedTokens,
          predicted_n: completionTokens,
        },
      }),
      tokenName: ({ text }) => text,
      tokenFields: ({ id }) => ({ id }),
    },
  });
};

const tokens: Handler = ({ body }) => {
  const fields = parseBody(z.object({ content: z.string(), with_pieces: z.boolean().default(false) }), body);
  const found = tokenize(fields.content);
  return json({ tokens: found.map(({ id, text }) => (fields.with_pieces ? { id, piece: text } : id)) });
};

const applyTemplate: Handler = ({ body }, { model }) => {
  const { messages } = parseBody(z.object({ messages: messagesSchema }), body);
  const continueFinal = messages.at(-1)?.role === 'assistant';
  const read = readMessages(messages, { ...model, images: true });
  const { tokens: rendered } = renderChat(read, { continueFinal, generationPrompt: !continueFinal });
  return json({
    prompt: rendered
      .map(({ text }) => text)
      .join('')
      .replaceAll(IMAGE_MARK, MEDIA),
  });
};

function refuse(refusal: Refusal): JsonReply {
  const error = (code: number, type: string, message: string, more: object = {}): JsonReply =>
    json({ error: { code, message, type, ...more } }, code);
  const invalid = (message: string): JsonReply => error(400, 'invalid_request_error', message);
  switch (refusal.kind) {
    case 'unauthorized':
      return error(401, 'authentication_error', 'Invalid API Key');
    case 'model-unknown':
      return invalid(`model '${refusal.model}' not found`);
    case 'route-unknown':
      return error(404, 'not_found_error', 'File Not Found');
    case 'invalid':
      return invalid(refusal.message);
    case 'context-overflow':
      return error(
        400,
        'exceed_context_size_error',
        `request (${refusal.promptTokens} tokens) exceeds the available context size (${refusal.limit} tokens), try increasing it`,
        { n_prompt_tokens: refusal.promptTokens, n_ctx: refusal.limit },
      );
    case 'images-unsupported':
      return error(
        500,
        'server_error',
        'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
      );
    case 'images-too-many':
      return invalid(`too many images: ${refusal.count} > ${refusal.limit}`);
    case 'image-unreadable':
      return invalid('Failed to load image or audio file');
    case 'rate-limited':
      return {
        ...error(429, 'rate_limit_error', 'Too many requests'),
        headers: retryAfterHeaders(refusal.retryAfterMs),
      };
    case 'failed':
      return error(500, 'server_error', 'Compute error.');
    case 'content-filter':
      return invalid('The request was blocked by a content filter');
  }
}

/**
 * llama.cpp's server (https://github.com/ggml-org/llama.cpp/tree/master/tools/server): a last message of the assistant
 * is continued, one choice a request, and the name of the model is not looked at.
 */
export const llamaCpp: Dialect = {
  route: routes({
    'GET /v1/models': (_, { model }) =>
      json({
        object: 'list',
        data: [{ id: model.names[0], object: 'model', created: 1_700_000_000, owned_by: 'llamacpp' }],
      }),
    'GET /props': (_, { model }) =>
      json({
        build_info: 'b7000-0000000',
        modalities: { vision: model.images, audio: false },
        default_generation_settings: { n_ctx: model.contextTokens },
      }),
    'POST /v1/chat/completions': chat,
    'POST /completion': completion,
    'POST /tokenize': tokens,
    'POST /apply-template': applyTemplate,
  }),
  refuse,
  authorized: hasBearer,
  contentFilter: 'finish',
  quotaHeaders: () => ({}),
};
