import { z } from 'zod';
import { hasBearer, json, routes, type Dialect, type Handler, type JsonReply } from '../dialect.ts';
import { retryAfterHeaders, type Refusal } from '../refusals.ts';
import { tokenize } from '../tokenizer.ts';
import { chatFields, parseBody, readChatFields } from './chat-body.ts';
import { chatReply } from './chat-reply.ts';
import { generate, matchedStop } from './sglang-generate.ts';

const chatSchema = z.object({
  ...chatFields,
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(0).max(2).nullish(),
  regex: z.string().nullish(),
  continue_final_message: z.boolean().default(false),
});

/** The texts of a regular expression that is a choice of literals; null for any other. */
function literalChoices(pattern: string): string[] | null {
  const inner = /^\((.*)\)$/s.exec(pattern)?.[1] ?? pattern;
  const parts = inner.match(/(?:\\.|[^|\\])+/gs) ?? [];
  if (parts.some((part) => /(?<!\\)[.*+?^$(){}[\]]/.test(part))) return null;
  return parts.map((part) => part.replaceAll(/\\(.)/gs, '$1'));
}

const chat: Handler = async ({ body }, serving) => {
  const fields = parseBody(chatSchema, body);
  const continueFinal = fields.continue_final_message && fields.messages.at(-1)?.role === 'assistant';
  const request = readChatFields(fields, serving.model, {
    continueFinal,
    generationPrompt: !continueFinal,
    choices: fields.regex == null ? null : literalChoices(fields.regex),
  });
  const completion = await serving.complete(request, { keepStop: false });
  return chatReply(completion, {
    model: request.model,
    fields,
    logprobsMissing: serving.logprobsMissing,
    labelTokenIds: null,
    cacheReport: true,
    style: {
      choice: (choice) => ({ matched_stop: matchedStop(choice) }),
      response: () => ({ metadata: { weight_version: 'default' } }),
      tokenName: ({ text }) => text,
    },
  });
};

const tokens: Handler = ({ body }, { model }) => {
  const { prompt } = parseBody(z.object({ prompt: z.string() }), body);
  const found = tokenize(prompt);
  return json({ tokens: found.map(({ id }) => id), count: found.length, max_model_len: model.contextTokens });
};

const models: Handler = (_, { model }) =>
  json({
    object: 'list',
    data: model.names.map((id) => ({
      id,
      object: 'model',
      created: 1_700_000_000,
      owned_by: 'sglang',
      root: id,
      max_model_len: model.contextTokens,
    })),
  });

function refuse(refusal: Refusal): JsonReply {
  const error = (status: number, type: string, message: string): JsonReply =>
    json({ object: 'error', message, type, param: null, code: status }, status);
  switch (refusal.kind) {
    case 'unauthorized':
      return json({ error: 'Unauthorized' }, 401);
    case 'model-unknown':
      return error(404, 'NotFoundError', `The model '${refusal.model}' does not exist.`);
    case 'route-unknown':
      return json({ detail: 'Not Found' }, 404);
    case 'invalid':
      return error(400, 'BadRequestError', refusal.message);
    case 'context-overflow':
      return error(
        400,
        'BadRequestError',
        refusal.promptTokens >= refusal.limit
          ? `The input (${refusal.promptTokens} tokens) is longer than the model's context length (${refusal.limit} tokens).`
          : `Requested token count exceeds the model's maximum context length of ${refusal.limit} tokens. You requested a total of ${refusal.promptTokens + refusal.completionTokens} tokens: ${refusal.promptTokens} tokens from the input messages and ${refusal.completionTokens} tokens for the completion.`,
      );
    case 'images-unsupported':
      return error(400, 'BadRequestError', `The model ${refusal.model} does not support image input`);
    case 'images-too-many':
      return error(400, 'BadRequestError', `Image count ${refusal.count} exceeds limit ${refusal.limit} per request.`);
    case 'image-unreadable':
      return error(400, 'BadRequestError', 'Error while loading image: cannot identify image file');
    case 'rate-limited':
      return { ...error(429, 'RateLimitError', 'Too many requests'), headers: retryAfterHeaders(refusal.retryAfterMs) };
    case 'failed':
      return error(500, 'InternalServerError', 'Internal server error: scheduler died');
    case 'content-filter':
      return error(400, 'BadRequestError', 'The request was blocked by a content filter');
  }
}

/**
 * SGLang's server (https://docs.sglang.ai): chat completions and the native `/generate`, which takes a rendered prompt.
 * It serves one model and does not look at the name that a request gives.
 */
export const sglang: Dialect = {
  route: routes({
    'GET /v1/models': models,
    'GET /server_info': () => json({ version: '0.5.9' }),
    'POST /v1/chat/completions': chat,
    'POST /generate': generate,
    'POST /tokenize': tokens,
  }),
  refuse,
  authorized: hasBearer,
  contentFilter: 'finish',
  quotaHeaders: () => ({}),
};
