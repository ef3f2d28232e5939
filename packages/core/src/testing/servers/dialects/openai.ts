import { z } from 'zod';
import {
  hasBearer,
  json,
  routes,
  type Dialect,
  type Handler,
  type JsonReply,
  type Reply,
  type Serving,
} from '../dialect.ts';
import { strictViolation } from '../constrained-json.ts';
import type { QuotaState } from '../quota.ts';
import { refuseInvalid, retryAfterHeaders, type Refusal } from '../refusals.ts';
import { chatFields, parseBody, readChatFields, requireModel, stopTexts, type ChatFields } from './chat-body.ts';
import { chatReply, type ChatReplyStyle } from './chat-reply.ts';

const KNOWN = new Set([...Object.keys(chatFields), 'logit_bias', 'service_tier', 'store', 'user']);
const MOST_STOPS = 4;

const chatSchema = z.looseObject({ ...chatFields, model: z.string() });

/** Strict mode refuses schemas that it cannot hold to. */
function checkFormat({ response_format: format }: ChatFields): void {
  if (format?.type !== 'json_schema' || format.json_schema.strict !== true) return;
  const { name, schema } = format.json_schema;
  const violation = strictViolation(schema);
  if (violation === null) return;
  refuseInvalid(`Invalid schema for response_format '${name}': ${violation}`, { param: 'response_format' });
}

function checkChat(fields: ChatFields & Record<string, unknown>): void {
  const unknown = Object.keys(fields).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) {
    refuseInvalid(`Unknown parameter: '${unknown}'.`, { param: unknown, code: 'unknown_parameter' });
  }
  const stops = stopTexts(fields.stop).length;
  if (stops > MOST_STOPS) {
    refuseInvalid(
      `Invalid 'stop': array too long. Expected an array with maximum length ${MOST_STOPS}, but got an array with length ${stops} instead.`,
      { param: 'stop', code: 'array_above_max_length' },
    );
  }
  if (fields.max_tokens != null && fields.max_completion_tokens != null) {
    refuseInvalid('Setting both max_tokens and max_completion_tokens is not supported.', { param: 'max_tokens' });
  }
  checkFormat(fields);
  if (fields.stream !== true && fields.stream_options != null) {
    refuseInvalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      param: 'stream_options',
    });
  }
}

function checkLogprobs({ logprobs, top_logprobs: top }: ChatFields, most: number): void {
  if (top == null) return;
  if (logprobs !== true) {
    refuseInvalid('You must set `logprobs` to true to use `top_logprobs`.', { param: 'top_logprobs' });
  }
  if (top < 0 || top > most) {
    refuseInvalid(`Invalid value for 'top_logprobs': must be less than or equal to ${most}.`, {
      param: 'top_logprobs',
      code: 'integer_above_max_value',
    });
  }
}

/** What reasoning models refuse, one parameter at a time. */
function checkReasoning(fields: ChatFields): void {
  if (fields.max_tokens != null) {
    refuseInvalid(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      { param: 'max_tokens', code: 'unsupported_parameter' },
    );
  }
  if (fields.temperature != null && fields.temperature !== 1) {
    refuseInvalid(
      `Unsupported value: 'temperature' does not support ${fields.temperature} with this model. Only the default (1) value is supported.`,
      { param: 'temperature', code: 'unsupported_value' },
    );
  }
  const unsupported = (['top_p', 'logprobs', 'top_logprobs', 'stop'] as const).find((name) => fields[name] != null);
  if (unsupported !== undefined) {
    refuseInvalid(`Unsupported parameter: '${unsupported}' is not supported with this model.`, {
      param: unsupported,
      code: 'unsupported_parameter',
    });
  }
}

/** OpenAI's chat completions behind any path; Azure serves the same ones and adds to them. */
export async function openaiChat(body: unknown, serving: Serving, style: ChatReplyStyle): Promise<Reply> {
  const fields = parseBody(chatSchema, body);
  const { model } = serving;
  requireModel(fields.model, model);
  checkChat(fields);
  checkLogprobs(fields, model.topLogprobs);
  if (model.reasoning) checkReasoning(fields);
  const request = readChatFields(fields, model, {
    continueFinal: false,
    generationPrompt: true,
    choices: null,
  });
  const completion = await serving.complete(request, { keepStop: false });
  return chatReply(completion, {
    model: request.model,
    fields,
    logprobsMissing: serving.logprobsMissing,
    labelTokenIds: null,
    cacheReport: true,
    style,
  });
}

export const openaiStyle: ChatReplyStyle = {
  choice: () => ({}),
  response: () => ({ service_tier: 'default', system_fingerprint: 'fp_1' }),
  tokenName: ({ text }) => text,
};

const chat: Handler = ({ body }, serving) => openaiChat(body, serving, openaiStyle);

export const listModels: Handler = (_, { model }) =>
  json({
    object: 'list',
    data: model.names.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'system' })),
  });

/** OpenAI's errors: `type` and `code` are what its clients go by. */
export function refuseAsOpenai(refusal: Refusal): JsonReply {
  const error = (status: number, type: string, code: string | null, message: string, param: string | null = null) =>
    json({ error: { message, type, param, code } }, status);
  const invalid = (code: string | null, message: string, param: string | null = null): JsonReply =>
    error(400, 'invalid_request_error', code, message, param);
  switch (refusal.kind) {
    case 'unauthorized':
      return error(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.');
    case 'model-unknown':
      return error(
        404,
        'invalid_request_error',
        'model_not_found',
        `The model \`${refusal.model}\` does not exist or you do not have access to it.`,
      );
    case 'route-unknown':
      return error(404, 'invalid_request_error', null, `Invalid URL (${refusal.method} ${refusal.path})`);
    case 'invalid':
      return invalid(refusal.code ?? null, refusal.message, refusal.param ?? null);
    case 'context-overflow':
      return invalid(
        'context_length_exceeded',
        `This model's maximum context length is ${refusal.limit} tokens. However, your messages resulted in ${refusal.promptTokens} tokens. Please reduce the length of the messages.`,
        'messages',
      );
    case 'images-unsupported':
      return invalid(
        null,
        'Invalid content type. image_url is only supported by certain models.',
        'messages.[0].content.[0].type',
      );
    case 'images-too-many':
      return invalid('invalid_request_error', `Too many images in request: ${refusal.count} > ${refusal.limit}.`);
    case 'image-unreadable':
      return invalid(
        'invalid_image_format',
        "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp'].",
      );
    case 'rate-limited':
      return {
        ...error(429, 'requests', 'rate_limit_exceeded', 'Rate limit reached for requests. Please try again later.'),
        headers: retryAfterHeaders(refusal.retryAfterMs),
      };
    case 'failed':
      return error(
        500,
        'server_error',
        null,
        'The server had an error while processing your request. Sorry about that!',
      );
    case 'content-filter':
      return invalid('content_filter', 'The request was refused by the content filter.', 'prompt');
  }
}

/** A duration as OpenAI writes it: `6m0s`, `1.2s`, `17ms`. */
function duration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms % 60_000) / 10) / 100;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}

export const openaiQuotaHeaders = ({ requests, tokens }: QuotaState): Record<string, string> => ({
  'x-ratelimit-limit-requests': String(requests.limit),
  'x-ratelimit-remaining-requests': String(requests.remaining),
  'x-ratelimit-reset-requests': duration(requests.resetMs),
  'x-ratelimit-limit-tokens': String(tokens.limit),
  'x-ratelimit-remaining-tokens': String(tokens.remaining),
  'x-ratelimit-reset-tokens': duration(tokens.resetMs),
});

/** OpenAI's service (https://platform.openai.com/docs/api-reference/chat): unknown parameters are refused. */
export const openai: Dialect = {
  route: routes({ 'GET /v1/models': listModels, 'POST /v1/chat/completions': chat }),
  refuse: refuseAsOpenai,
  authorized: hasBearer,
  contentFilter: 'finish',
  quotaHeaders: openaiQuotaHeaders,
  batches: { bases: ['/v1'], chat: '/v1/chat/completions', chatPath: '/v1/chat/completions' },
};
