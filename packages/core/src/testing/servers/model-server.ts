import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../../runtime/content-hash.ts';
import type { BatchScript } from './batch-script.ts';
import { BatchService, type AnsweredLine, type BatchRoutes } from './batch-service.ts';
import type { Brain } from './brain.ts';
import { complete } from './completion.ts';
import type { Dialect, HttpCall, JsonReply, Reply, ServedModel, Serving } from './dialect.ts';
import { azure } from './dialects/azure.ts';
import { llamaCpp } from './dialects/llama-cpp.ts';
import { ollama } from './dialects/ollama.ts';
import { openai } from './dialects/openai.ts';
import { sglang } from './dialects/sglang.ts';
import { vllm } from './dialects/vllm.ts';
import type { FaultKind, FaultPlan } from './fault-plan.ts';
import { spoilCompletion } from './faulty-completion.ts';
import { createPrefixCache } from './prefix-cache.ts';
import { createQuota, type QuotaOptions, type QuotaState } from './quota.ts';
import { RefusedRequest } from './refusals.ts';
import { writeCut, writeMalformed, writeReply } from './responses.ts';
import { tokenize } from './tokenizer.ts';

const DIALECTS = { vllm, sglang, openai, azure, 'llama.cpp': llamaCpp, ollama } satisfies Record<string, Dialect>;
export type ServerDialect = keyof typeof DIALECTS;

export interface ModelServerOptions {
  readonly dialect: ServerDialect;
  readonly brain: Brain;
  /** What the model can do. Default: named `tiny-vl`, sees images, 32,768 tokens of context, 20 log-probabilities. */
  readonly model?: Partial<ServedModel>;
  /** Requests without it are refused. */
  readonly apiKey?: string;
  readonly faults?: FaultPlan;
  /** How long a rate-limited client is told to wait. Default 0. */
  readonly retryAfterMs?: number;
  /** How late a slow first byte is. Default 50. */
  readonly slowMs?: number;
  readonly quota?: QuotaOptions;
  /** How its batch API behaves, where the dialect has one. */
  readonly batches?: BatchScript;
  /** Time that every answer of the model takes. */
  readonly latencyMs?: number;
  /** Told of each request once its response has ended or broken. For long runs: `requests` then stays empty. */
  readonly onEnd?: (request: ReceivedRequest) => void;
}

/** A request that reached the server. */
export interface ReceivedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  /** What was done to it on purpose. */
  readonly fault: FaultKind | null;
  /** Status of the response; null while there is none, and when there never was one. */
  status: number | null;
  /** True when the client hung up before the response was whole. */
  abandoned: boolean;
}

export interface ModelServer {
  /** Root of the server, without `/v1` and without a slash at its end. */
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** Requests that are being answered now. */
  readonly inFlight: number;
  close(): Promise<void>;
}

const MODEL_ROUTE = /\/(completions?|generate|pooling|chat)$/;

const DEFAULT_MODEL: ServedModel = {
  names: ['tiny-vl'],
  contextTokens: 32_768,
  images: true,
  maxImages: null,
  reasoning: false,
  topLogprobs: 20,
  jsonSchema: true,
};

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new RefusedRequest({ kind: 'invalid', message: 'the body is not JSON' });
  }
}

/** Resolves when the client has hung up. */
const hangUp = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', resolve);
  });

/** State of one server: what it has seen and how it answers. */
class LoopbackServer {
  readonly requests: ReceivedRequest[] = [];
  inFlight = 0;
  readonly #options: ModelServerOptions;
  readonly #dialect: Dialect;
  readonly #model: ServedModel;
  readonly #cachedPrefix = createPrefixCache();
  readonly #attempts = new Map<string, number>();
  readonly #quota: ((tokens: number) => QuotaState) | null;
  readonly #batches: BatchService | null;

  constructor(options: ModelServerOptions) {
    this.#options = options;
    this.#dialect = DIALECTS[options.dialect];
    this.#model = { ...DEFAULT_MODEL, ...options.model };
    this.#quota = options.quota ? createQuota(options.quota) : null;
    const { batches } = this.#dialect;
    this.#batches = batches
      ? new BatchService(batches, options.batches ?? {}, (...line) => this.#answerLine(batches, ...line))
      : null;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? 'GET';
    const fault = this.#faultOf(method, url.pathname, text);
    const path = url.pathname + url.search;
    const received: ReceivedRequest = {
      method,
      path,
      headers: request.headers,
      body: jsonOrText(text),
      fault,
      status: null,
      abandoned: false,
    };
    const { onEnd } = this.#options;
    if (onEnd === undefined) this.requests.push(received);
    this.inFlight += 1;
    response.once('close', () => {
      this.inFlight -= 1;
      received.status = response.headersSent ? response.statusCode : null;
      received.abandoned = !response.writableEnded;
      onEnd?.(received);
    });
    await this.#respond(
      { method, path: url.pathname, query: url.searchParams, headers: request.headers, body: null },
      text,
      fault,
      response,
    );
  }

  /** Faults befall what the model answers, not its server: no lists of models, no tokenization. */
  #faultOf(method: string, path: string, body: string): FaultKind | null {
    const { faults } = this.#options;
    if (faults === undefined || method !== 'POST' || !MODEL_ROUTE.test(path)) return null;
    const content = sha256(`${path}\n${body}`);
    const attempt = this.#attempts.get(content) ?? 0;
    this.#attempts.set(content, attempt + 1);
    return faults({ content, attempt });
  }

  async #respond(call: HttpCall, text: string, fault: FaultKind | null, response: ServerResponse): Promise<void> {
    if (fault === 'hang') return hangUp(response);
    if (fault === 'slow-first-byte') await sleep(this.#options.slowMs ?? 50, undefined, { ref: false });
    const quota = this.#takeQuota(call, text);
    const reply = await this.#reply(call, text, fault, quota).catch((error: unknown): Reply => {
      if (error instanceof RefusedRequest) return this.#dialect.refuse(error.refusal);
      throw error;
    });
    const headers = quota === null ? {} : this.#dialect.quotaHeaders(quota);
    if (fault === 'cut-stream') await writeCut(response, reply, headers);
    else if (fault === 'malformed-json') writeMalformed(response, reply, headers);
    else writeReply(response, reply, headers);
  }

  #takeQuota({ method }: HttpCall, text: string): QuotaState | null {
    return this.#quota === null || method !== 'POST' ? null : this.#quota(tokenize(text).length);
  }

  async #reply(call: HttpCall, text: string, fault: FaultKind | null, quota: QuotaState | null): Promise<Reply> {
    const { apiKey, retryAfterMs = 0, latencyMs } = this.#options;
    const dialect = this.#dialect;
    const handler = dialect.route(call.method, call.path) ?? this.#batches?.route(call.method, call.path) ?? null;
    if (handler === null) throw new RefusedRequest({ kind: 'route-unknown', method: call.method, path: call.path });
    if (apiKey !== undefined && !dialect.authorized(call.headers, apiKey)) {
      throw new RefusedRequest({ kind: 'unauthorized' });
    }
    if (quota?.retryAfterMs != null)
      throw new RefusedRequest({ kind: 'rate-limited', retryAfterMs: quota.retryAfterMs });
    if (fault === 'rate-limit') throw new RefusedRequest({ kind: 'rate-limited', retryAfterMs });
    if (fault === 'server-error') throw new RefusedRequest({ kind: 'failed' });
    if (fault === 'content-filter' && dialect.contentFilter === 'refusal') {
      throw new RefusedRequest({ kind: 'content-filter' });
    }
    if (latencyMs !== undefined && call.method === 'POST') await sleep(latencyMs, undefined, { ref: false });
    const isForm = call.headers['content-type']?.startsWith('multipart/') === true;
    return handler({ ...call, body: isForm ? text : parseJson(text) }, this.#serving(fault));
  }

  /** Faults befall a line of a batch as they befall a request: by content and attempt. */
  async #answerLine(
    { chatPath: path }: BatchRoutes,
    body: unknown,
    headers: HttpCall['headers'],
  ): Promise<AnsweredLine> {
    const text = JSON.stringify(body);
    const fault = this.#faultOf('POST', path, text);
    const call: HttpCall = { method: 'POST', path, query: new URLSearchParams(), headers, body: null };
    const reply = await this.#reply(
      { ...call, headers: { ...headers, 'content-type': 'application/json' } },
      text,
      fault,
      null,
    ).catch((error: unknown): Reply => {
      if (error instanceof RefusedRequest) return this.#dialect.refuse(error.refusal);
      throw error;
    });
    if ('pieces' in reply) return { reply: this.#dialect.refuse({ kind: 'invalid', message: 'no streams' }), fault };
    return { reply, fault };
  }

  #serving(fault: FaultKind | null): Serving {
    const { brain } = this.#options;
    return {
      model: this.#model,
      brain,
      logprobsMissing: fault === 'missing-logprobs',
      complete: async (request, { keepStop }) => {
        const limits = { contextTokens: this.#model.contextTokens, keepStop };
        return spoilCompletion(await complete(brain, request, limits, this.#cachedPrefix), fault);
      },
    };
  }
}

/** A body as the log of requests shows it. */
function jsonOrText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/**
 * An inference server on loopback that speaks one server's dialect, refuses what that server refuses, and misbehaves
 * as it is told to. It reads the wire format on its own: it shares no code with the adapters that it tests.
 */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const state = new LoopbackServer(options);
  const server = createServer((request, response) => {
    state.handle(request, response).catch((error: unknown) => {
      const reply: JsonReply = {
        status: 500,
        body: { error: { message: String(error), type: 'InternalServerError' } },
      };
      if (!response.headersSent) writeReply(response, reply, {});
      else response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: state.requests,
    get inFlight() {
      return state.inFlight;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
