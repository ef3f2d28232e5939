import { z } from 'zod';
import type { ServedMessage, ServedRequest } from '../brain.ts';
import { renderChat } from '../chat-template.ts';
import { jsonSchema } from '../constrained-json.ts';
import type { CompletedChoice, CompletedToken } from '../completion.ts';
import {
  hasBearer,
  json,
  routes,
  type Dialect,
  type Handler,
  type JsonReply,
  type Reply,
  type ServedModel,
} from '../dialect.ts';
import { RefusedRequest, retryAfterHeaders, type Refusal } from '../refusals.ts';
import { logprobOf, topTokens, type RankedToken } from '../token-distribution.ts';
import { listModels } from './openai.ts';
import { decodeImage, parseBody, requireImages, requireModel } from './chat-body.ts';

const DEFAULT_CONTEXT = 4096;

const chatSchema = z.object({
  model: z.string(),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'user', 'assistant']),
        content: z.string().default(''),
        images: z.array(z.string()).default([]),
      }),
    )
    .default([]),
  stream: z.boolean().default(true),
  think: z.boolean().optional(),
  truncate: z.boolean().default(true),
  logprobs: z.boolean().default(false),
  top_logprobs: z.int().min(0).max(20).default(0),
  format: jsonSchema.nullish(),
  options: z
    .object({
      temperature: z.number().min(0).optional(),
      seed: z.int().optional(),
      num_predict: z.int().optional(),
      num_ctx: z.int().positive().default(DEFAULT_CONTEXT),
      stop: z.array(z.string()).default([]),
    })
    .prefault({}),
});
type OllamaChat = z.infer<typeof chatSchema>;

/** What is left of a conversation when it does not fit: the system's message and the last ones. Nothing tells the client. */
function truncate(messages: readonly ServedMessage[], limit: number): readonly ServedMessage[] {
  const fits = (kept: readonly ServedMessage[]): boolean =>
    renderChat(kept, { generationPrompt: true, continueFinal: false }).tokens.length <= limit;
  const system = messages.filter(({ role }) => role === 'system');
  let rest = messages.filter(({ role }) => role !== 'system');
  while (rest.length > 1 && !fits([...system, ...rest])) rest = rest.slice(1);
  return [...system, ...rest];
}

function readRequest(
  fields: OllamaChat,
  messages: readonly ServedMessage[],
  { jsonSchema: held }: ServedModel,
): ServedRequest {
  const { options } = fields;
  const continueFinal = messages.at(-1)?.role === 'assistant';
  return {
    model: fields.model,
    messages,
    continueFinal,
    generationPrompt: !continueFinal,
    n: 1,
    seed: options.seed ?? null,
    temperature: options.temperature ?? null,
    maxTokens: options.num_predict === undefined || options.num_predict < 0 ? null : options.num_predict,
    stop: options.stop,
    choices: null,
    schema: held ? (fields.format ?? null) : null,
  };
}

function encodeLogprobs(tokens: readonly CompletedToken[], { logprobs, top_logprobs: top }: OllamaChat): object {
  if (!logprobs) return {};
  const encode = ({ token, logprob }: RankedToken): object => ({
    token: token.text,
    logprob,
    bytes: [...Buffer.from(token.text)],
  });
  return {
    logprobs: tokens.map(({ token, distribution }) => ({
      ...encode({ token, logprob: logprobOf(distribution, token.text) }),
      top_logprobs: topTokens(distribution, top).map(encode),
    })),
  };
}

const head = (model: string): object => ({ model, created_at: '2025-01-01T00:00:00Z' });
const line = (data: object): string => `${JSON.stringify(data)}\n`;

function streamed(choice: CompletedChoice, fields: OllamaChat, done: object): Reply {
  const pieces = choice.tokens.map((token) =>
    line({
      ...head(fields.model),
      message: { role: 'assistant', content: token.token.text },
      done: false,
      ...encodeLogprobs([token], fields),
    }),
  );
  const last = line({ ...head(fields.model), message: { role: 'assistant', content: '' }, ...done });
  return { contentType: 'application/x-ndjson', pieces: [...pieces, last] };
}

const chat: Handler = async ({ body }, serving) => {
  const { model, logprobsMissing } = serving;
  const parsed = parseBody(chatSchema, body);
  const fields = logprobsMissing ? { ...parsed, logprobs: false } : parsed;
  requireModel(fields.model, model);
  const messages = fields.messages.map(({ role, content, images }): ServedMessage => ({
    role,
    text: content,
    images: images.map(decodeImage),
  }));
  requireImages(messages, model);
  const context = fields.options.num_ctx;
  const request = readRequest(fields, fields.truncate ? truncate(messages, context) : messages, model);
  const completion = await serving.complete(request, { keepStop: false });
  const promptTokens = completion.prompt.tokens.length;
  if (!fields.truncate && promptTokens > context) {
    const overflow = { limit: context, promptTokens, completionTokens: 1 };
    throw new RefusedRequest({ kind: 'context-overflow', ...overflow });
  }
  const [choice] = completion.choices;
  if (choice === undefined) return json({ ...head(fields.model), done: true });
  const done = {
    done: true,
    done_reason: choice.finish,
    total_duration: 1_000_000,
    load_duration: 0,
    prompt_eval_count: Math.min(promptTokens, context),
    prompt_eval_duration: 500_000,
    eval_count: completion.completionTokens,
    eval_duration: 500_000,
  };
  if (fields.stream) return streamed(choice, fields, done);
  const message = { role: 'assistant', content: choice.text };
  return json({ ...head(fields.model), message, ...done, ...encodeLogprobs(choice.tokens, fields) });
};

const tags: Handler = (_, { model }) =>
  json({
    models: model.names.map((name) => ({
      name,
      model: name,
      modified_at: '2025-01-01T00:00:00Z',
      size: 1_000_000,
      digest: '0'.repeat(64),
      details: { format: 'gguf', family: 'qwen25vl', parameter_size: '1M', quantization_level: 'F16' },
    })),
  });

const show: Handler = ({ body }, { model }) => {
  const { model: name } = parseBody(z.object({ model: z.string() }), body);
  requireModel(name, model);
  return json({
    capabilities: ['completion', ...(model.images ? ['vision'] : [])],
    model_info: { 'qwen25vl.context_length': model.contextTokens },
  });
};

function refuse(refusal: Refusal): JsonReply {
  const error = (status: number, message: string): JsonReply => json({ error: message }, status);
  switch (refusal.kind) {
    case 'unauthorized':
      return error(401, 'unauthorized');
    case 'model-unknown':
      return error(404, `model '${refusal.model}' not found`);
    case 'route-unknown':
      return error(404, '404 page not found');
    case 'invalid':
      return error(400, refusal.message);
    case 'context-overflow':
      return error(400, 'the input length exceeds the context length');
    case 'images-unsupported':
      return error(500, 'this model is missing data required for image input');
    case 'images-too-many':
      return error(500, 'vision model only supports a single image per message');
    case 'image-unreadable':
      return error(400, 'illegal base64 data at input byte 4');
    case 'rate-limited':
      return { ...error(429, 'too many requests'), headers: retryAfterHeaders(refusal.retryAfterMs) };
    case 'failed':
      return error(500, 'llama runner process has terminated: exit status 2');
    case 'content-filter':
      return error(400, 'the request was blocked by a content filter');
  }
}

/**
 * Ollama's native API (https://docs.ollama.com/api/chat): streams unless told not to, one completion a request, raw
 * base64 images, and prompts that do not fit `num_ctx` cut without a word unless `truncate` forbids it.
 */
export const ollama: Dialect = {
  route: routes({
    'GET /api/tags': tags,
    'GET /v1/models': listModels,
    'GET /api/version': () => json({ version: '0.13.0' }),
    'POST /api/show': show,
    'POST /api/chat': chat,
  }),
  refuse,
  authorized: hasBearer,
  contentFilter: 'refusal',
  quotaHeaders: () => ({}),
};
