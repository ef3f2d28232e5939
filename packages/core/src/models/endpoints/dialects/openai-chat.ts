import { z } from 'zod';
import type { Usage } from '../../../records/index.ts';
import { ServiceError } from '../../../runtime/gateway/index.ts';
import type { ChatAnswer, ChatChoice, ChatRequest, TokenLogprob, WrittenToken } from '../chat.ts';
import { malformed, readAnswer, requireField } from './answer-json.ts';
import { givenFields, type ReportedUsage, type WireSettings } from './dialect.ts';
import { readLogprob } from '../log-probability.ts';
import type { WireBody } from '../model-service.ts';
import { encodeMessage } from './openai-messages.ts';

const count = z.int().nonnegative().nullish().catch(null);
const tokenSchema = z.object({ token: z.string(), logprob: z.number(), id: z.int().nullish() });
type WireToken = z.infer<typeof tokenSchema>;
/** One entry per written token. */
export const wireLogprobsSchema = z
  .array(tokenSchema.extend({ top_logprobs: z.array(tokenSchema).nullish() }))
  .nullish();
type WireLogprobs = z.infer<typeof wireLogprobsSchema>;
const stopMark = z.union([z.string(), z.int()]).nullish();
const choiceSchema = z.object({
  index: z.int().nonnegative(),
  message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
  finish_reason: z.string().nullish(),
  stop_reason: stopMark,
  matched_stop: stopMark,
  logprobs: z.object({ content: wireLogprobsSchema }).nullish(),
});
type WireChoice = z.infer<typeof choiceSchema>;
const responseSchema = z.object({ choices: z.array(choiceSchema) });
const usageSchema = z.object({
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count,
    prompt_tokens_details: z.object({ cached_tokens: count }).nullish().catch(null),
  }),
});

/**
 * JSON held to a schema. The same at OpenAI, Azure, vLLM, SGLang and llama.cpp; `strict` is what makes OpenAI hold to it:
 * https://platform.openai.com/docs/guides/structured-outputs
 */
function responseFormat({ responseSchema }: ChatRequest): WireBody {
  if (responseSchema === undefined) return {};
  const { name, schema } = responseSchema;
  return { response_format: { type: 'json_schema', json_schema: { name, strict: true, schema } } };
}

/** Fields that every server with chat completions takes. `maxTokensField` is its name for the limit of tokens. */
export function encodeOpenAiChat(
  request: ChatRequest,
  { capabilities, stream }: WireSettings,
  maxTokensField: 'max_tokens' | 'max_completion_tokens',
): WireBody {
  const { sampling } = request;
  const wantsLogprobs = request.topLogprobs > 0 || request.labelTokenIds !== null;
  return givenFields({
    messages: request.messages.map(encodeMessage),
    [maxTokensField]: sampling.maxTokens,
    n: request.n > 1 ? request.n : null,
    stop: request.stop.length > 0 ? request.stop : null,
    logprobs: wantsLogprobs || null,
    top_logprobs: wantsLogprobs ? request.topLogprobs : null,
    ...(capabilities.sampling
      ? { temperature: sampling.temperature, top_p: sampling.topP, seed: request.seed }
      : undefined),
    ...responseFormat(request),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : undefined),
  });
}

/** Sampling that the API of OpenAI does not have, as servers of open models name it. */
export function encodeOpenSampling(request: ChatRequest, { capabilities }: WireSettings): WireBody {
  if (!capabilities.sampling) return {};
  const { topK, minP, repetitionPenalty } = request.sampling;
  return givenFields({ top_k: topK, min_p: minP, repetition_penalty: repetitionPenalty });
}

/** ERR_CAPABILITY_MISSING for sampling that a service would refuse or, worse, ignore. */
export function refuseOpenSampling(request: ChatRequest, settings: WireSettings): void {
  const [first] = Object.keys(encodeOpenSampling(request, settings));
  if (first === undefined) return;
  throw new ServiceError('ERR_CAPABILITY_MISSING', `the service cannot sample with ${first}`, {
    fix: 'leave it out of `sampling`',
  });
}

/** vLLM writes tokens as `token_id:N` when it was asked to name them by id. */
function readToken({ token, logprob, id }: WireToken): Omit<WrittenToken, 'top'> {
  const named = /^token_id:(\d+)$/.exec(token)?.[1];
  return { token, logprob: readLogprob(logprob), id: id ?? (named === undefined ? null : Number(named)) };
}

function readWritten({ top_logprobs: top, ...written }: NonNullable<WireLogprobs>[number]): WrittenToken {
  const reported = (top ?? []).flatMap((wire): TokenLogprob[] => {
    const { logprob, ...token } = readToken(wire);
    return logprob === null ? [] : [{ ...token, logprob }];
  });
  return { ...readToken(written), top: reported };
}

/** Reads the log-probabilities of one choice. ERR_ANSWER_MALFORMED when they were asked for and are not there. */
export function readLogprobs(content: WireLogprobs, request: ChatRequest, text: string): WrittenToken[] | null {
  if (request.topLogprobs === 0 && request.labelTokenIds === null) return null;
  if (!content || (content.length === 0 && text !== '')) {
    throw new ServiceError('ERR_ANSWER_MALFORMED', 'the answer has no log-probabilities, which were asked for', {
      fix: 'serve the model with log-probabilities, or set capabilities.topLogprobs of the endpoint to 0',
    });
  }
  return content.map(readWritten);
}

/** `stop`, `length` or `content-filter` for the reason that a server gives. */
export function readFinish(reason: string | null | undefined, refused: boolean): ChatChoice['finish'] {
  if (reason === 'content_filter' || refused) return 'content-filter';
  if (reason === 'stop' || reason === 'length') return reason;
  if (reason === 'abort') {
    throw new ServiceError('ERR_SERVER_FAILED', 'the server gave the completion up (finish reason "abort")', {
      fix: "look at the server's log",
    });
  }
  throw malformed(`the answer ends for a reason that is not known: ${JSON.stringify(reason ?? null)}`);
}

function readStop(choice: WireChoice, finish: ChatChoice['finish']): Pick<ChatChoice, 'stoppedBy'> {
  const mark = choice.stop_reason !== undefined ? choice.stop_reason : choice.matched_stop;
  if (mark === undefined) return {};
  return { stoppedBy: finish === 'stop' && typeof mark === 'string' ? mark : null };
}

function readChoice(choice: WireChoice, request: ChatRequest, written: number | null): ChatChoice {
  const { content, refusal } = choice.message;
  const finish = readFinish(choice.finish_reason, typeof refusal === 'string' && refusal !== '');
  if (typeof content !== 'string' && finish === 'stop') throw malformed('the answer has no text');
  const text = content ?? '';
  const logprobs = finish === 'content-filter' ? null : readLogprobs(choice.logprobs?.content, request, text);
  return { text, finish, ...readStop(choice, finish), tokens: written ?? logprobs?.length ?? null, logprobs };
}

/** Reads the choices of a whole response of the chat completions API. */
export function decodeOpenAiChat(response: unknown, request: ChatRequest): ChatAnswer {
  requireField(response, 'choices');
  const { choices } = readAnswer(responseSchema, response);
  const ordered = choices.toSorted((a, b) => a.index - b.index);
  if (ordered.length !== request.n || ordered.some(({ index }, i) => index !== i)) {
    throw malformed(`the answer has ${choices.length} choices where ${request.n} were asked for`);
  }
  const written = request.n === 1 ? readOpenAiUsage(response).usage.completionTokens : null;
  return { choices: ordered.map((choice) => readChoice(choice, request, written)) };
}

/** Reads what a response of the API of OpenAI says of its cost. */
export function readOpenAiUsage(response: unknown): ReportedUsage {
  const told = usageSchema.safeParse(response).data?.usage;
  const usage: Usage = {
    calls: 1,
    promptTokens: told?.prompt_tokens ?? null,
    completionTokens: told?.completion_tokens ?? null,
    usd: null,
  };
  const cached = told?.prompt_tokens_details?.cached_tokens ?? null;
  return { usage, ...(cached === null ? {} : { cachedPromptTokens: cached }) };
}
