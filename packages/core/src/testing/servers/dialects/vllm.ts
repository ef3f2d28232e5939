import { z } from 'zod';
import type { ServedRequest } from '../brain.ts';
import { readChat, renderChat } from '../chat-template.ts';
import type { CompletedChoice, Completion } from '../completion.ts';
import { hasBearer, json, routes, type Dialect, type Handler, type JsonReply, type Serving } from '../dialect.ts';
import { RefusedRequest, refuseInvalid, retryAfterHeaders, type Refusal } from '../refusals.ts';
import { plausibleDistribution, tokensOfIds, topTokens } from '../token-distribution.ts';
import { tokenize, type Token } from '../tokenizer.ts';
import { chatFields, messagesSchema, parseBody, readChatFields, readMessages, requireModel } from './chat-body.ts';
import { chatReply } from './chat-reply.ts';

/** Fields that vLLM adds; others are passed over, as its server does. */
const chatSchema = z.object({
  ...chatFields,
  temperature: z.number().min(0).nullish(),
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().positive().max(2).nullish(),
  add_generation_prompt: z.boolean().default(true),
  continue_final_message: z.boolean().default(false),
  include_stop_str_in_output: z.boolean().default(false),
  structured_outputs: z.object({ choice: z.array(z.string()).min(1).optional() }).nullish(),
  logprob_token_ids: z.array(z.int().nonnegative()).min(1).nullish(),
  return_tokens_as_token_ids: z.boolean().nullish(),
  prompt_logprobs: z.int().min(0).nullish(),
  return_token_ids: z.boolean().nullish(),
});
type VllmChat = z.infer<typeof chatSchema>;

function checkChat(fields: VllmChat, { model }: Serving, given: unknown): void {
  requireModel(fields.model, model);
  const explicit = typeof given === 'object' && given !== null && 'add_generation_prompt' in given;
  if (fields.continue_final_message && (fields.add_generation_prompt || !explicit)) {
    refuseInvalid('Cannot set both `continue_final_message` and `add_generation_prompt` to True.');
  }
  if (fields.continue_final_message && fields.messages.at(-1)?.role !== 'assistant') {
    refuseInvalid('continue_final_message is set but the final message does not appear to be from the assistant');
  }
  const top = fields.top_logprobs ?? 0;
  if (top > 0 && fields.logprobs !== true) {
    refuseInvalid('when using `top_logprobs`, `logprobs` must be set to true.', { param: 'top_logprobs' });
  }
  if (top > model.topLogprobs) {
    refuseInvalid(`Requested sample logprobs of ${top}, which is greater than max allowed: ${model.topLogprobs}`);
  }
  if (fields.logprob_token_ids != null && fields.logprobs !== true) {
    refuseInvalid('when using `logprob_token_ids`, `logprobs` must be set to true.', { param: 'logprob_token_ids' });
  }
  if (fields.stream !== true && fields.stream_options != null) {
    refuseInvalid('Stream options can only be defined when `stream=True`.', { param: 'stream_options' });
  }
  if (fields.stream === true && (fields.prompt_logprobs ?? 0) > 0) {
    refuseInvalid('`prompt_logprobs` are not available when `stream=True`.', { param: 'prompt_logprobs' });
  }
}

/** One entry a prompt token: null for the first, else the token itself and the likeliest ones, by id. */
async function promptLogprobs(
  { prompt }: Completion,
  request: ServedRequest,
  top: number,
  serving: Serving,
): Promise<unknown[]> {
  const firstTokens = (await serving.brain.firstTokens?.(request)) ?? [];
  const turns = new Map(prompt.turns.map((at, turn) => [at, firstTokens[turn]]));
  return prompt.tokens.map((token, at) => {
    if (at === 0) return null;
    const distribution = turns.get(at) ?? plausibleDistribution(token);
    const ranked = topTokens(distribution, top);
    const own = tokensOfIds(distribution, [token.id]) ?? [];
    return Object.fromEntries(
      [...own, ...ranked].map(({ token: { id, text }, logprob }) => {
        const rank = [...distribution.values()].filter((other) => other > logprob).length + 1;
        return [id, { logprob, rank, decoded_token: text }];
      }),
    );
  });
}

const chat: Handler = async ({ body }, serving) => {
  const fields = parseBody(chatSchema, body);
  checkChat(fields, serving, body);
  const request = readChatFields(fields, serving.model, {
    continueFinal: fields.continue_final_message,
    generationPrompt: fields.add_generation_prompt,
    choices: fields.structured_outputs?.choice ?? null,
  });
  const completion = await serving.complete(request, { keepStop: fields.include_stop_str_in_output });
  const top = fields.prompt_logprobs ?? null;
  const promptEntries =
    top === null || serving.logprobsMissing ? null : await promptLogprobs(completion, request, top, serving);
  return chatReply(completion, {
    model: request.model,
    fields,
    logprobsMissing: serving.logprobsMissing,
    labelTokenIds: fields.logprob_token_ids ?? null,
    cacheReport: true,
    style: {
      choice: ({ stoppedBy, tokens }: CompletedChoice) => ({
        stop_reason: stoppedBy,
        token_ids: fields.return_token_ids === true ? tokens.map(({ token }) => token.id) : null,
      }),
      response: () => ({ prompt_logprobs: promptEntries }),
      tokenName: ({ id, text }: Token) => (fields.return_tokens_as_token_ids === true ? `token_id:${id}` : text),
    },
  });
};

const tokenizeSchema = z.union([
  z.object({
    model: z.string().optional(),
    messages: messagesSchema,
    add_generation_prompt: z.boolean().default(true),
    continue_final_message: z.boolean().default(false),
    return_token_strs: z.boolean().nullish(),
  }),
  z.object({ model: z.string().optional(), prompt: z.string(), return_token_strs: z.boolean().nullish() }),
]);

const tokens: Handler = ({ body }, { model }) => {
  const fields = parseBody(tokenizeSchema, body);
  requireModel(fields.model, model);
  const found =
    'prompt' in fields
      ? tokenize(fields.prompt)
      : renderChat(readMessages(fields.messages, model), {
          generationPrompt: fields.add_generation_prompt,
          continueFinal: fields.continue_final_message,
        }).tokens;
  return json({
    count: found.length,
    max_model_len: model.contextTokens,
    tokens: found.map(({ id }) => id),
    token_strs: fields.return_token_strs === true ? found.map(({ text }) => text) : null,
  });
};

const poolingSchema = z.union([
  z.object({ model: z.string().optional(), messages: messagesSchema, encoding_format: z.literal('float').optional() }),
  z.object({ model: z.string().optional(), input: z.string(), encoding_format: z.literal('float').optional() }),
]);
const STEP_TAG = '<extra_0>';

const pooling: Handler = async ({ body }, { model, brain, logprobsMissing }) => {
  const fields = parseBody(poolingSchema, body);
  requireModel(fields.model, model);
  if (brain.poolSteps === undefined)
    throw new RefusedRequest({ kind: 'route-unknown', method: 'POST', path: '/pooling' });
  const messages = 'messages' in fields ? readMessages(fields.messages, model) : readChat(fields.input, []).messages;
  const right = await brain.poolSteps(messages, STEP_TAG);
  const rows = (logprobsMissing ? right.slice(1) : right).map((p) => [1 - p, p]);
  const promptTokens = messages.reduce((total, { text }) => total + tokenize(text).length, 0);
  return json({
    id: 'pool-1',
    object: 'list',
    created: 1_700_000_000,
    model: fields.model ?? model.names[0],
    data: [{ index: 0, object: 'pooling', data: rows }],
    usage: { prompt_tokens: promptTokens, completion_tokens: 0, total_tokens: promptTokens },
  });
};

const models: Handler = (_, { model }) =>
  json({
    object: 'list',
    data: model.names.map((id) => ({
      id,
      object: 'model',
      created: 1_700_000_000,
      owned_by: 'vllm',
      root: id,
      parent: null,
      max_model_len: model.contextTokens,
    })),
  });

function refuse(refusal: Refusal): JsonReply {
  const error = (status: number, type: string, message: string, param: string | null = null): JsonReply =>
    json({ error: { message, type, param, code: status } }, status);
  switch (refusal.kind) {
    case 'unauthorized':
      return json({ error: 'Unauthorized' }, 401);
    case 'model-unknown':
      return error(404, 'NotFoundError', `The model \`${refusal.model}\` does not exist.`, 'model');
    case 'route-unknown':
      return json({ detail: 'Not Found' }, 404);
    case 'invalid':
      return error(400, 'BadRequestError', refusal.message, refusal.param ?? null);
    case 'context-overflow':
      return error(
        400,
        'BadRequestError',
        `This model's maximum context length is ${refusal.limit} tokens. However, you requested ${refusal.completionTokens} output tokens and your prompt contains ${refusal.promptTokens} input tokens, for a total of ${refusal.completionTokens + refusal.promptTokens} tokens. Please reduce the length of the input prompt or the number of requested output tokens.`,
        'input_tokens',
      );
    case 'images-unsupported':
      return error(400, 'BadRequestError', `${refusal.model} is not a multimodal model`);
    case 'images-too-many':
      return error(400, 'BadRequestError', `At most ${refusal.limit} image(s) may be provided in one prompt.`);
    case 'image-unreadable':
      return error(400, 'BadRequestError', 'cannot identify image file <_io.BytesIO object>');
    case 'rate-limited':
      return {
        ...error(429, 'RateLimitError', 'Too many requests'),
        headers: retryAfterHeaders(refusal.retryAfterMs),
      };
    case 'failed':
      return error(500, 'InternalServerError', 'EngineCore encountered an issue. See stack trace for the root cause.');
    case 'content-filter':
      return error(400, 'BadRequestError', 'The request was blocked by a content filter');
  }
}

/** vLLM's server (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html), with its pooling routes. */
export const vllm: Dialect = {
  route: routes({
    'GET /v1/models': models,
    'GET /version': () => json({ version: '0.22.1' }),
    'POST /v1/chat/completions': chat,
    'POST /tokenize': tokens,
    'POST /pooling': pooling,
  }),
  refuse,
  authorized: hasBearer,
  contentFilter: 'finish',
  quotaHeaders: () => ({}),
};
