import type { CompletedChoice, CompletedToken, Completion } from '../completion.ts';
import { json, type Reply } from '../dialect.ts';
import { logprobOf, tokensOfIds, topTokens, type RankedToken } from '../token-distribution.ts';
import type { Token } from '../tokenizer.ts';
import type { ChatFields } from './chat-body.ts';

/** What distinguishes one server's chat completions from another's. */
export interface ChatReplyStyle {
  /** Further fields of a choice: how the server names the stop text, its token ids, filter results. */
  choice(choice: CompletedChoice): Readonly<Record<string, unknown>>;
  /** Further fields of the response. */
  response(completion: Completion): Readonly<Record<string, unknown>>;
  /** How a token is named among the log-probabilities. */
  tokenName(token: Token): string;
  /** Further fields of a token. */
  tokenFields?(token: Token): Readonly<Record<string, unknown>>;
}

export interface ChatReplyOptions {
  readonly model: string;
  readonly fields: Pick<ChatFields, 'logprobs' | 'top_logprobs' | 'stream' | 'stream_options'>;
  readonly logprobsMissing: boolean;
  /** Reported whatever their rank, in place of the likeliest tokens. */
  readonly labelTokenIds: readonly number[] | null;
  /** False where the server does not tell how much of the prompt came from its cache. */
  readonly cacheReport: boolean;
  readonly style: ChatReplyStyle;
}

const bytesOf = (text: string): number[] => [...Buffer.from(text, 'utf8')];

function encodeToken({ token, distribution }: CompletedToken, options: ChatReplyOptions): unknown {
  const encode = ({ token: ranked, logprob }: RankedToken): unknown => ({
    token: options.style.tokenName(ranked),
    logprob,
    bytes: bytesOf(ranked.text),
    ...options.style.tokenFields?.(ranked),
  });
  const top =
    options.labelTokenIds === null
      ? topTokens(distribution, options.fields.top_logprobs ?? 0)
      : (tokensOfIds(distribution, options.labelTokenIds) ?? []);
  return {
    ...(encode({ token, logprob: logprobOf(distribution, token.text) }) as object),
    top_logprobs: top.map(encode),
  };
}

function encodeLogprobs(tokens: readonly CompletedToken[], options: ChatReplyOptions): unknown {
  if (options.fields.logprobs !== true || options.logprobsMissing) return null;
  return { content: tokens.map((token) => encodeToken(token, options)), refusal: null };
}

function encodeUsage({ prompt, cachedTokens, completionTokens }: Completion, cacheReport: boolean): unknown {
  const promptTokens = prompt.tokens.length;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cacheReport ? { prompt_tokens_details: { cached_tokens: cachedTokens } } : {}),
  };
}

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

/** Tokens of a choice in the pieces that a stream sends them in. */
const TOKENS_A_PIECE = 4;

function streamChoice(choice: CompletedChoice, index: number, options: ChatReplyOptions, head: object): string[] {
  const piece = (fields: object): string =>
    event({ ...head, choices: [{ index, logprobs: null, finish_reason: null, ...fields }] });
  const pieces = [piece({ delta: { role: 'assistant', content: '' } })];
  for (let at = 0; at < choice.tokens.length; at += TOKENS_A_PIECE) {
    const tokens = choice.tokens.slice(at, at + TOKENS_A_PIECE);
    const content = tokens.map(({ token }) => token.text).join('');
    pieces.push(piece({ delta: { content }, logprobs: encodeLogprobs(tokens, options) }));
  }
  return [...pieces, piece({ delta: {}, finish_reason: choice.finish, ...options.style.choice(choice) })];
}

/** Takes pieces of several choices in turn, as a server does that writes them side by side. */
function interleave(lists: readonly (readonly string[])[]): string[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}

/** A chat completion, or its chunks when a stream was asked for. */
export function chatReply(completion: Completion, options: ChatReplyOptions): Reply {
  const { fields, model, style } = options;
  const head = { id: 'chatcmpl-1', created: 1_700_000_000, model };
  const usage = encodeUsage(completion, options.cacheReport);
  if (fields.stream === true) {
    const chunk = { ...head, object: 'chat.completion.chunk' };
    const pieces = interleave(completion.choices.map((choice, i) => streamChoice(choice, i, options, chunk)));
    if (fields.stream_options?.include_usage === true) pieces.push(event({ ...chunk, choices: [], usage }));
    return { contentType: 'text/event-stream', pieces: [...pieces, 'data: [DONE]\n\n'] };
  }
  const choices = completion.choices.map((choice, index) => ({
    index,
    message: { role: 'assistant', content: choice.text, refusal: null },
    logprobs: encodeLogprobs(choice.tokens, options),
    finish_reason: choice.finish,
    ...style.choice(choice),
  }));
  return json({ ...head, object: 'chat.completion', choices, usage, ...style.response(completion) });
}
