import type { IncomingHttpHeaders } from 'node:http';
import type { BatchRoutes } from './batch-service.ts';
import type { Brain, ServedRequest } from './brain.ts';
import type { Completion } from './completion.ts';
import type { QuotaState } from './quota.ts';
import type { Refusal } from './refusals.ts';

/** What a served model can do, and the limits of its server. */
export interface ServedModel {
  /** Names that it is served under, the first one preferred. */
  readonly names: readonly string[];
  readonly contextTokens: number;
  readonly images: boolean;
  /** Most images in one request; null for any number. */
  readonly maxImages: number | null;
  /** Refuses sampling parameters and log-probabilities, as reasoning models do. */
  readonly reasoning: boolean;
  readonly topLogprobs: number;
  /** Holds answers to a JSON Schema; otherwise it passes the wish over, as old servers do. */
  readonly jsonSchema: boolean;
}

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; null without a body. */
  readonly body: unknown;
}

export interface JsonReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface StreamReply {
  readonly contentType: string;
  /** Pieces that are written one after another. */
  readonly pieces: readonly string[];
}
export type Reply = JsonReply | StreamReply;

/** What a dialect needs to answer one call. */
export interface Serving {
  readonly model: ServedModel;
  readonly brain: Brain;
  /** True when a fault takes the log-probabilities, or the first row of pooled values, out of the answer. */
  readonly logprobsMissing: boolean;
  complete(request: ServedRequest, options: { readonly keepStop: boolean }): Promise<Completion>;
}

export type Handler = (call: HttpCall, serving: Serving) => Reply | Promise<Reply>;

/** A server's paths, requests, responses, errors and headers. */
export interface Dialect {
  /** Null when the server has no such route. */
  route(method: string, path: string): Handler | null;
  refuse(refusal: Refusal): JsonReply;
  /** Does the request carry the key? */
  authorized(headers: IncomingHttpHeaders, key: string): boolean;
  /** How its content filter answers: the whole request is refused, or its choices end in `content_filter`. */
  readonly contentFilter: 'refusal' | 'finish';
  /** Headers in which it tells its limits. */
  quotaHeaders(state: QuotaState): Record<string, string>;
  /** Absent: it has no batch API. */
  readonly batches?: BatchRoutes;
}

export const json = (body: unknown, status = 200): JsonReply => ({ status, body });

/** `authorization: Bearer KEY`. */
export const hasBearer = (headers: IncomingHttpHeaders, key: string): boolean =>
  headers.authorization === `Bearer ${key}`;

/** A table of routes by `METHOD /path`. */
export function routes(table: Readonly<Record<string, Handler>>): Dialect['route'] {
  return (method, path) => table[`${method} ${path}`] ?? null;
}
