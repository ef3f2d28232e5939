import { z } from 'zod';
import { sha256 } from '../../../runtime/content-hash.ts';
import { VlprmError } from '../../../runtime/errors.ts';
import { retry, sleep, within, type Clock, type RetryOptions } from '../../../runtime/flow/index.ts';
import type { ServiceError } from '../../../runtime/gateway/index.ts';
import { readAnswer } from '../dialects/answer-json.ts';
import type { BatchAddresses } from '../dialects/dialect.ts';
import type { EndpointKind } from '../endpoint-config.ts';
import { connectionFailure } from '../failures/connection-failure.ts';
import { httpFailure } from '../failures/http-failure.ts';
import { failureAt, type FailureSite } from '../failures/site.ts';
import type { EndpointReplica } from '../replica.ts';
import { reading } from '../sending.ts';
import { exchange, respond } from '../transport.ts';
import type { BatchRecord } from './batch-records.ts';
import { batchStateSchema, phaseOf, saysQueueFull, type BatchState } from './batch-state.ts';

/** A file that the service has. */
export type UploadedFile = Pick<BatchRecord, 'fileId' | 'uploadedAt'>;

/**
 * Files and batches of one account. Every call is repeated after failures that may pass.
 * All throw ServiceError, ERR_BATCH_FAILED, or what the signal was aborted with.
 */
export interface BatchApi {
  /** Uploads JSON lines, and waits until the service has looked at them. */
  upload(lines: string, signal: AbortSignal): Promise<UploadedFile>;
  create(file: UploadedFile, signal: AbortSignal): Promise<BatchState>;
  /** The newest batch of a file, one that did not fail before others; null when the file has none. */
  find(file: UploadedFile, signal: AbortSignal): Promise<BatchState | null>;
  retrieve(id: string, signal: AbortSignal): Promise<BatchState>;
  /**
   * Reads the lines of a file of answers. Where the connection breaks it begins anew.
   * @param begin called for each reading: what it returns hears the lines
   */
  readLines(fileId: string, begin: () => (line: string) => void, signal: AbortSignal): Promise<void>;
  /** The error that the words of a failed batch stand for. */
  failureOf(words: { readonly code: string; readonly message: string }): ServiceError;
}

export interface BatchApiOptions {
  readonly replica: EndpointReplica;
  readonly addresses: BatchAddresses;
  readonly kind: EndpointKind;
  readonly pollMs: number;
  /** For one HTTP request. */
  readonly timeoutMs: number;
  readonly retry: Omit<RetryOptions, 'signal' | 'clock'>;
  readonly clock: Clock;
}

const MOST_LISTED = 100;
/** An outage of a few minutes is no reason to give a batch up that takes hours. */
const LONGEST_POLL_WAIT = 16;

const fileSchema = z.object({ id: z.string().min(1), status: z.string().nullish(), created_at: z.number().nullish() });
type WireFile = z.infer<typeof fileSchema>;
const listSchema = z.object({ data: z.array(batchStateSchema), has_more: z.boolean().nullish() });

/** Azure looks at a file before it may be used. */
const UNREADY: ReadonlySet<string> = new Set(['pending', 'running', 'notRunning']);

/** A multipart body as text, the same for the same lines: recorded traffic is found again by it. */
function multipart(lines: string): { body: string; type: string } {
  const boundary = `vlprm-${sha256(lines)}`;
  const part = (disposition: string, content: string): string =>
    `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;
  const file = `name="file"; filename="requests.jsonl"\r\ncontent-type: application/jsonl`;
  const body = `${part('name="purpose"', 'batch')}${part(file, lines)}--${boundary}--\r\n`;
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

class HttpBatchApi implements BatchApi {
  readonly #options: BatchApiOptions;

  constructor(options: BatchApiOptions) {
    this.#options = options;
  }

  async upload(lines: string, signal: AbortSignal): Promise<UploadedFile> {
    const { body, type } = multipart(lines);
    const options = { body, headers: { 'content-type': type } };
    const send = () =>
      this.#json(fileSchema, '/files', (url, stop) => this.#client.post(url, { ...options, signal: stop }), signal);
    let file = await this.#repeated(send, signal);
    while (UNREADY.has(file.status ?? '')) {
      await sleep(this.#options.pollMs, signal, this.#options.clock);
      file = await this.#repeated(() => this.#get(fileSchema, `/files/${encodeURIComponent(file.id)}`, signal), signal);
    }
    this.#requireUsable(file);
    return { fileId: file.id, uploadedAt: file.created_at ?? null };
  }

  create(file: UploadedFile, signal: AbortSignal): Promise<BatchState> {
    const { route: endpoint } = this.#options.addresses;
    const body = { input_file_id: file.fileId, endpoint, completion_window: '24h' };
    const create = () =>
      this.#json(batchStateSchema, '/batches', (url, stop) => this.#client.post(url, { body, signal: stop }), signal);
    // An attempt whose answer was lost may have made the batch.
    const attempt = async (number: number) => (number > 1 ? await this.#search(file, signal) : null) ?? create();
    // A full queue is waited out by those who know what else waits in it.
    const mayRetry = (error: ServiceError): boolean => error.retryable && !saysQueueFull(error.message);
    return retry(attempt, { mayRetry, ...this.#retrying(signal) });
  }

  find(file: UploadedFile, signal: AbortSignal): Promise<BatchState | null> {
    return this.#repeated(() => this.#search(file, signal), signal);
  }

  retrieve(id: string, signal: AbortSignal): Promise<BatchState> {
    const { pollMs: baseDelayMs } = this.#options;
    const patient = { ...this.#retrying(signal), baseDelayMs, maxDelayMs: LONGEST_POLL_WAIT * baseDelayMs };
    return retry(() => this.#get(batchStateSchema, `/batches/${encodeURIComponent(id)}`, signal), patient);
  }

  readLines(fileId: string, begin: () => (line: string) => void, signal: AbortSignal): Promise<void> {
    const path = `/files/${encodeURIComponent(fileId)}/content`;
    return this.#repeated(async () => {
      const hear = begin();
      await this.#call(path, signal, async (site, stop) => {
        const response = await respond(() => this.#client.get(site.url, { signal: stop }).asResponse(), site, stop);
        try {
          for await (const line of linesOf((response.body ?? []) as AsyncIterable<Uint8Array>)) {
            if (line.trim() !== '') hear(line);
          }
        } catch (error) {
          throw stop.aborted ? error : connectionFailure(error, site);
        }
      });
    }, signal);
  }

  failureOf(words: { readonly code: string; readonly message: string }): ServiceError {
    const failed = { status: 400, headers: new Headers(), body: JSON.stringify({ error: words }) };
    return httpFailure(failed, this.#site('/batches'), Date.now());
  }

  get #client(): EndpointReplica['client'] {
    return this.#options.replica.client;
  }

  #retrying(signal: AbortSignal): RetryOptions {
    return { ...this.#options.retry, signal, clock: this.#options.clock };
  }

  #repeated<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return retry(work, this.#retrying(signal));
  }

  #requireUsable({ id, status }: WireFile): void {
    if (status !== 'error' && status !== 'failed') return;
    throw new VlprmError('ERR_BATCH_FAILED', `the service cannot use the file of requests ${id}`, {
      where: this.#options.replica.where,
      fix: "look at the file at the service's site",
    });
  }

  /** Newest first; batches from before the file was there are not its own. */
  async #search({ fileId, uploadedAt }: UploadedFile, signal: AbortSignal): Promise<BatchState | null> {
    let failed: BatchState | null = null;
    for (let after = ''; ;) {
      const query = `limit=${MOST_LISTED}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
      const { data, has_more: more } = await this.#get(listSchema, '/batches', signal, query);
      const own = data.filter(({ inputFile }) => inputFile === fileId);
      const kept = own.find((state) => phaseOf(state) !== 'failed');
      if (kept !== undefined) return kept;
      failed ??= own[0] ?? null;
      const last = data.at(-1);
      if (last === undefined || more !== true || (last.createdAt ?? Infinity) < (uploadedAt ?? 0)) return failed;
      after = last.id;
    }
  }

  #get<T>(schema: z.ZodType<T>, path: string, signal: AbortSignal, query = ''): Promise<T> {
    return this.#json(schema, path, (url, stop) => this.#client.get(url, { signal: stop }), signal, query);
  }

  #json<T>(
    schema: z.ZodType<T>,
    path: string,
    send: (url: string, signal: AbortSignal) => { asResponse(): Promise<Response> },
    signal: AbortSignal,
    query = '',
  ): Promise<T> {
    return this.#call(
      path,
      signal,
      async (site, stop) => {
        const { replica } = this.#options;
        const received = await exchange(() => send(site.url, stop).asResponse(), replica, site, stop);
        if (!received.ok) throw httpFailure(received.failed, site, Date.now());
        return reading(replica, () => readAnswer(schema, received.json));
      },
      query,
    );
  }

  #call<T>(
    path: string,
    signal: AbortSignal,
    work: (site: FailureSite, stop: AbortSignal) => Promise<T>,
    query = '',
  ): Promise<T> {
    const { timeoutMs, clock } = this.#options;
    const site = this.#site(path, query);
    const timeoutError = () =>
      failureAt(site, 'ERR_TIMEOUT', `no answer within ${timeoutMs / 1000} s`, { fix: 'raise timeoutSeconds' });
    return within({ signal, timeoutMs, timeoutError }, (stop) => work(site, stop.signal), clock);
  }

  #site(path: string, query = ''): FailureSite {
    const { replica, addresses, kind } = this.#options;
    const { where, apiKeyEnv, secrets } = replica;
    const url = `${addresses.base}${path}${joinQueries(addresses.query, query)}`;
    return { where, kind, apiKeyEnv, url, withImages: false, secrets };
  }
}

function joinQueries(first: string, second: string): string {
  if (second === '') return first;
  return first === '' ? `?${second}` : `${first}&${second}`;
}

/** The batch API of the service that a replica stands for. */
export function createBatchApi(options: BatchApiOptions): BatchApi {
  return new HttpBatchApi(options);
}
