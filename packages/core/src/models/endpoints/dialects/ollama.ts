import { z } from 'zod';
import { ServiceError } from '../../../runtime/gateway/index.ts';
import type { ChatAnswer, ChatMessage, ChatRequest } from '../chat.ts';
import { estimateTokens } from '../estimate.ts';
import type { JsonWithImages } from '../model-service.ts';
import { readAnswer, requireField, streamCut } from './answer-json.ts';
import { bearer, givenFields, withoutEnding, type Dialect, type ReportedUsage, type WireSettings } from './dialect.ts';
import { readFinish, readLogprobs, wireLogprobsSchema } from './openai-chat.ts';
import { messageText } from './openai-messages.ts';

const DEFAULT_CONTEXT_TOKENS = 8192;
/** No common vocabulary packs more bytes into a token on average, Chinese included. */
const MOST_BYTES_PER_TOKEN = 6;

const count = z.int().nonnegative().nullish().catch(null);
const chunkSchema = z.object({
  message: z.object({ content: z.string().nullish() }),
  done: z.boolean(),
  done_reason: z.string().nullish(),
  prompt_eval_count: count,
  eval_count: count,
  logprobs: wireLogprobsSchema,
});
type Chunk = z.infer<typeof chunkSchema>;

function encodeMessage(message: ChatMessage): JsonWithImages {
  const images = message.content.flatMap((part) =>
    part.type === 'image' ? [{ image: { sha256: part.sha256, mime: part.mime }, as: 'base64' as const }] : [],
  );
  return givenFields({
    role: message.role,
    content: messageText(message),
    images: images.length > 0 ? images : null,
  });
}

function sampled(request: ChatRequest, { capabilities }: WireSettings): Record<string, number | null> {
  if (!capabilities.sampling) return {};
  const { temperature, topP, topK, minP, repetitionPenalty } = request.sampling;
  return {
    temperature,
    top_p: topP,
    top_k: topK,
    min_p: minP,
    repeat_penalty: repetitionPenalty,
    seed: request.seed,
  };
}

/** Old servers cut a prompt that does not fit without a word: the count of prompt tokens gives it away. */
function refuseCutPrompt(chunk: Chunk, request: ChatRequest, contextTokens: number): void {
  const read = chunk.prompt_eval_count ?? null;
  const written = chunk.eval_count ?? null;
  const bytes = request.messages.reduce((sum, message) => sum + Buffer.byteLength(messageText(message)), 0);
  const mayHaveBeenCut = estimateTokens(request).promptTokens > contextTokens;
  const cutPrompt = read !== null && (read >= contextTokens || (mayHaveBeenCut && read < bytes / MOST_BYTES_PER_TOKEN));
  const cutAnswer = chunk.done_reason === 'length' && written !== null && written < request.sampling.maxTokens;
  if (!cutPrompt && !cutAnswer) return;
  throw new ServiceError(
    'ERR_CONTEXT_OVERFLOW',
    `prompt and answer do not fit into ${contextTokens} tokens of context`,
    {
      fix: 'raise `contextTokens` of the endpoint, or shorten the problem',
    },
  );
}

function decodeChat(response: unknown, request: ChatRequest, settings: WireSettings): ChatAnswer {
  requireField(response, 'message');
  const chunk = readAnswer(chunkSchema, response);
  refuseCutPrompt(chunk, request, settings.contextTokens ?? DEFAULT_CONTEXT_TOKENS);
  const finish = readFinish(chunk.done_reason, false);
  const text = chunk.message.content ?? '';
  const tokens = chunk.eval_count ?? null;
  return { choices: [{ text, finish, tokens, logprobs: readLogprobs(chunk.logprobs, request, text) }] };
}

function readUsage(response: unknown): ReportedUsage {
  const chunk = chunkSchema.safeParse(response).data;
  const [promptTokens, completionTokens] = [chunk?.prompt_eval_count ?? null, chunk?.eval_count ?? null];
  return { usage: { calls: 1, promptTokens, completionTokens, usd: null } };
}

/** Puts the lines of a stream together; the last one carries the counts. */
function assemble(chunks: readonly unknown[]): unknown {
  const read = chunks.map((chunk) => readAnswer(chunkSchema, chunk));
  const last = read.at(-1);
  if (!last?.done) throw streamCut();
  const logprobs = read.flatMap((chunk) => chunk.logprobs ?? []);
  return {
    ...last,
    message: { content: read.map(({ message }) => message.content ?? '').join('') },
    logprobs: logprobs.length > 0 ? logprobs : null,
  };
}

/** Ollama's own chat route: https://github.com/ollama/ollama/blob/main/docs/api.md */
export const ollama: Dialect = {
  kind: 'ollama',
  assumed: {
    prefill: false,
    topLogprobs: 20,
    labelLogprobs: false,
    images: true,
    maxImages: null,
    n: false,
    // Its structured output is JSON, never one of a set of texts.
    structuredOutput: false,
    jsonSchema: true,
    prefixCaching: false,
    stop: true,
    stopReason: false,
    sampling: true,
  },
  maxConcurrency: 8,
  prefixWarmupMs: null,
  maxChoices: 1,
  maxStops: Infinity,
  seedBelow: 2 ** 31,
  quotaPerMinute: false,
  addresses(baseUrl) {
    const root = withoutEnding(baseUrl, [/\/(v1|api)(\/chat(\/completions)?)?$/]);
    return { root, chat: `${root}/api/chat`, models: `${root}/v1/models` };
  },
  authorization: bearer,
  encodeChat(request, settings) {
    const wantsLogprobs = request.topLogprobs > 0;
    return givenFields({
      messages: request.messages.map(encodeMessage),
      stream: settings.stream,
      think: false,
      // Newer servers then say that a prompt is too long instead of cutting it.
      truncate: false,
      shift: false,
      logprobs: wantsLogprobs || null,
      top_logprobs: wantsLogprobs ? request.topLogprobs : null,
      format: request.responseSchema?.schema ?? null,
      options: givenFields({
        num_ctx: settings.contextTokens ?? DEFAULT_CONTEXT_TOKENS,
        num_predict: request.sampling.maxTokens,
        stop: request.stop.length > 0 ? request.stop : null,
        ...sampled(request, settings),
      }),
    });
  },
  decodeChat,
  readUsage,
  assemble,
};
