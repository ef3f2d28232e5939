import { APIConnectionError, APIError, type OpenAI } from 'openai';
import { Stream } from 'openai/streaming';
import { abortError, VlprmError } from '../../runtime/errors.ts';
import { ServiceError } from '../../runtime/gateway/index.ts';
import { FetchFailure, RefusedResponse } from './client.ts';
import { connectionFailure } from './failures/connection-failure.ts';
import { httpFailure, type FailedResponse } from './failures/http-failure.ts';
import { isHtml, parseJson } from './failures/server-words.ts';
import { failureAt, type FailureSite } from './failures/site.ts';
import type { EndpointReplica } from './replica.ts';

interface Refused {
  readonly ok: false;
  readonly failed: FailedResponse;
}

/** A response, its body read to the end: one with a good status, or one that refuses the call. */
export type Received =
  | { readonly ok: true; readonly chunks: readonly unknown[] | null; readonly json: unknown; readonly headers: Headers }
  | Refused;

/** What the client or the reading of a body threw: a refusal, an abort, or a broken connection. */
function readThrown(thrown: unknown, site: FailureSite, signal: AbortSignal): Refused {
  if (signal.aborted) throw abortError(signal);
  if (thrown instanceof ServiceError) throw thrown;
  if (thrown instanceof APIConnectionError && thrown.cause instanceof FetchFailure) {
    const { failure } = thrown.cause;
    if (failure instanceof RefusedResponse) return { ok: false, failed: failure.failed };
    if (VlprmError.is(failure)) throw failure;
    throw connectionFailure(failure, site);
  }
  if (thrown instanceof APIError) return { ok: false, failed: failedInside({ error: thrown.error }, new Headers()) };
  throw thrown instanceof SyntaxError ? brokenJson(site) : connectionFailure(thrown, site);
}

/** A failure that came with status 200 or inside a stream; the error itself may hold a status. */
function failedInside(json: { readonly error: unknown }, headers: Headers): FailedResponse {
  const { error } = json;
  const code = typeof error === 'object' && error !== null && 'code' in error ? Number(error.code) : Number.NaN;
  return { status: code >= 400 && code < 600 ? code : 500, headers, body: JSON.stringify(json) };
}

async function readStream(response: Response, client: OpenAI): Promise<unknown[]> {
  const chunks: unknown[] = [];
  const stream = Stream.fromSSEResponse<unknown>(response, new AbortController(), client);
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

function readLines(body: string): unknown[] | null {
  const lines = body.split('\n').filter((line) => line.trim() !== '');
  const chunks = lines.map(parseJson);
  return chunks.includes(undefined) ? null : chunks;
}

function notJson(body: string, site: FailureSite): ServiceError {
  if (isHtml(body)) {
    const fix = `check the path of \`baseUrl\`: ${site.url} was called`;
    return failureAt(site, 'ERR_DIALECT', 'the server answered with a page of HTML', { fix });
  }
  return brokenJson(site);
}

function brokenJson(site: FailureSite): ServiceError {
  return failureAt(site, 'ERR_ANSWER_MALFORMED', 'the answer is broken JSON', {
    fix: "check `kind` and the version of the server, and look at the server's log",
  });
}

async function readResponse(response: Response, client: OpenAI, site: FailureSite): Promise<Received> {
  const { headers } = response;
  const type = headers.get('content-type') ?? '';
  if (type.includes('text/event-stream')) {
    return { ok: true, chunks: await readStream(response, client), json: null, headers };
  }
  const body = await response.text();
  if (type.includes('ndjson')) {
    const chunks = readLines(body);
    if (chunks) return { ok: true, chunks, json: null, headers };
    if (body.endsWith('\n')) throw brokenJson(site);
    throw failureAt(site, 'ERR_CONNECTION_LOST', 'the stream ended before the answer was whole', {
      fix: "look at the server's log and at proxies between",
    });
  }
  const json = parseJson(body);
  if (json === undefined) throw notJson(body, site);
  return { ok: true, chunks: null, json, headers };
}

const hasError = (json: unknown): json is { readonly error: unknown } =>
  typeof json === 'object' && json !== null && 'error' in json && json.error != null;

/** Some services answer with status 200 and an error: OpenRouter; Ollama in a line of its stream. */
export function findFailure(received: Received): Received {
  if (!received.ok) return received;
  const said = (received.chunks ?? [received.json]).find(hasError);
  if (said === undefined) return received;
  return { ok: false, failed: failedInside({ error: said.error }, received.headers) };
}

/**
 * Sends a request and reads the response to its end.
 * @returns what came, or the response that refused the call
 * @throws ServiceError when nothing came or it cannot be read; what the signal was aborted with
 */
export async function exchange(
  send: () => Promise<Response>,
  { client }: EndpointReplica,
  site: FailureSite,
  signal: AbortSignal,
): Promise<Received> {
  try {
    const received = await readResponse(await send(), client, site);
    // The stream of an aborted call just ends.
    if (signal.aborted) throw abortError(signal);
    return findFailure(received);
  } catch (thrown) {
    return readThrown(thrown, site, signal);
  }
}

/**
 * The response of a request, its body still unread.
 * @throws ServiceError when there is none or its status is bad; what the signal was aborted with
 */
export async function respond(
  send: () => Promise<Response>,
  site: FailureSite,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await send();
  } catch (thrown) {
    const received = readThrown(thrown, site, signal);
    throw httpFailure(received.failed, site, Date.now());
  }
}

/** Posts a body as JSON: see {@link exchange}. */
export function post(
  replica: EndpointReplica,
  body: unknown,
  site: FailureSite,
  signal: AbortSignal,
): Promise<Received> {
  return exchange(() => replica.client.post(site.url, { body, signal }).asResponse(), replica, site, signal);
}

/** The JSON at an address; undefined when there is none, for whatever reason. */
export async function getJson({ client }: EndpointReplica, url: string, signal: AbortSignal): Promise<unknown> {
  try {
    return parseJson(await (await client.get(url, { signal }).asResponse()).text());
  } catch {
    return undefined;
  }
}
