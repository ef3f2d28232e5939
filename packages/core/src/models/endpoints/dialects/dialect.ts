import type { Usage } from '../../../records/index.ts';
import type { EndpointCapabilities } from '../capabilities.ts';
import type { ChatAnswer, ChatRequest } from '../chat.ts';
import type { EndpointKind } from '../endpoint-config.ts';
import type { JsonWithImages, WireBody } from '../model-service.ts';

/** Where the batch API of a service is. */
export interface BatchAddresses {
  /** Without a slash at its end: `/files` and `/batches` are appended to it, and then `query`. */
  readonly base: string;
  /** Of every call, with its question mark; or empty. */
  readonly query: string;
  /** Path of chat completions, as batches and the lines of their files name it. */
  readonly route: string;
}

/** Where the routes of one server are. */
export interface Addresses {
  /** Without a slash at its end; paths of exchanges are appended to it. */
  readonly root: string;
  readonly chat: string;
  /** Lists the models; null where the list would not hold the names that calls take. */
  readonly models: string | null;
  /** Absent where calls cannot be made in batches. */
  readonly batch?: BatchAddresses;
}

/** What of the configuration decides how a request is written. */
export interface WireSettings {
  readonly capabilities: EndpointCapabilities;
  readonly stream: boolean;
  /** Tokens of context, for servers that want to be told with every request. */
  readonly contextTokens: number | null;
}

/** What a response says of its cost. */
export interface ReportedUsage {
  readonly usage: Usage;
  /** Tokens of the prompt that came from the service's cache; absent where it does not tell. */
  readonly cachedPromptTokens?: number;
}

/** How servers of one kind are asked and how they answer. Pure: it builds and reads JSON. */
export interface Dialect {
  readonly kind: EndpointKind;
  /** What such servers can do, unless a probe or the configuration says otherwise. */
  readonly assumed: EndpointCapabilities;
  /** Most calls in flight to one server, unless the configuration says otherwise. */
  readonly maxConcurrency: number;
  /**
   * How long further calls about a problem wait for the first one, which fills the server's prefix cache; null where the
   * server has none, or it is not ours to fill.
   */
  readonly prefixWarmupMs: number | null;
  /** Most stop texts of one call. We cut at the others ourselves. */
  readonly maxStops: number;
  /** Most completions of one call. */
  readonly maxChoices: number;
  /** Seeds are taken below it. */
  readonly seedBelow: number;
  /** Does `x-ratelimit-limit-*` count by the minute? Some services count days there. */
  readonly quotaPerMinute: boolean;
  addresses(baseUrl: URL, model: string, apiVersion: string | null): Addresses;
  /** Headers that carry the key. */
  authorization(key: string): Readonly<Record<string, string>>;
  /** The body of a chat call but for the model's name. Throws ERR_CAPABILITY_MISSING for what the dialect cannot say. */
  encodeChat(request: ChatRequest, settings: WireSettings): WireBody;
  /** Reads the JSON of a whole response. Throws ERR_ANSWER_MALFORMED, ERR_DIALECT, ERR_CONTEXT_OVERFLOW. */
  decodeChat(response: unknown, request: ChatRequest, settings: WireSettings): ChatAnswer;
  /** Reads what the JSON of any response says of its cost: null where it says nothing. Never throws. */
  readUsage(response: unknown): ReportedUsage;
  /** Puts the chunks of a stream together to the JSON of a whole response. Throws ERR_CONNECTION_LOST for a cut one. */
  assemble(chunks: readonly unknown[]): unknown;
}

/** The fields that are not null: null leaves a parameter to the server. */
export function givenFields(fields: Readonly<Record<string, JsonWithImages>>): WireBody {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

export const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` });

/** The path of a base URL without the slashes at its end and without the first of `endings` that it ends in. */
export function withoutEnding(baseUrl: URL, endings: readonly RegExp[]): string {
  const path = baseUrl.pathname.replace(/\/+$/, '');
  const ending = endings.find((pattern) => pattern.test(path));
  return baseUrl.origin + (ending ? path.replace(ending, '') : path);
}
