import { z } from 'zod';
import type { BatchEnding, BatchScript } from './batch-script.ts';
import { json, type Handler, type HttpCall, type JsonReply, type Reply } from './dialect.ts';
import type { FaultKind } from './fault-plan.ts';
import { RefusedRequest, refuseInvalid } from './refusals.ts';
import { readLines, writeRow, type Line } from './batch-lines.ts';
import { readMultipartForm } from './multipart-form.ts';

/** Where a dialect has its batch API. */
export interface BatchRoutes {
  /** Paths that its routes begin with. */
  readonly bases: readonly string[];
  /** What a line of a file and a batch name chat completions by. */
  readonly chat: string;
  /** The path that answers them one by one. */
  readonly chatPath: string;
  /** Refuses a call that the service would not take. */
  readonly require?: (call: HttpCall, base: string) => void;
}

/** A line, answered as a request of its own would be, or what befalls it. */
export interface AnsweredLine {
  readonly reply: JsonReply;
  readonly fault: FaultKind | null;
}

interface StoredFile {
  readonly text: string;
  readonly purpose: string;
  looks: number;
}

interface StoredBatch {
  readonly id: string;
  readonly number: number;
  readonly file: string;
  readonly endpoint: string;
  readonly headers: HttpCall['headers'];
  readonly lines: readonly Line[];
  readonly createdAt: number;
  readonly tokens: number;
  status: string;
  looks: number;
  errors: BatchEnding['errors'] | null;
  files: { output: string | null; error: string | null };
  counts: { total: number; completed: number; failed: number };
}

const createSchema = z.object({
  input_file_id: z.string(),
  endpoint: z.string(),
  completion_window: z.literal('24h'),
});

const OPEN = ['validating', 'in_progress', 'finalizing'];
/** The batch API of a server: https://platform.openai.com/docs/api-reference/batch */
export class BatchService {
  readonly #routes: BatchRoutes;
  readonly #script: BatchScript;
  readonly #answer: (body: unknown, headers: HttpCall['headers']) => Promise<AnsweredLine>;
  readonly #files = new Map<string, StoredFile>();
  readonly #batches: StoredBatch[] = [];
  readonly #calls = new Map<string, number>();

  constructor(
    routes: BatchRoutes,
    script: BatchScript,
    answer: (body: unknown, headers: HttpCall['headers']) => Promise<AnsweredLine>,
  ) {
    [this.#routes, this.#script, this.#answer] = [routes, script, answer];
  }

  /** Null for a path that is none of its own. */
  route(method: string, path: string): Handler | null {
    for (const base of this.#routes.bases) {
      const [, kind, id = '', part = ''] =
        /^\/(files|batches)(?:\/([^/]+))?(?:\/(content|cancel))?$/.exec(path.slice(base.length)) ?? [];
      if (!path.startsWith(`${base}/`) || kind === undefined) continue;
      const route = `${method} /${kind}${id === '' ? '' : '/id'}${part === '' ? '' : `/${part}`}`;
      const handle = this.#handlers(id)[route];
      if (handle !== undefined) return (call) => this.#disturbed(route, call, base, handle);
    }
    return null;
  }

  #handlers(id: string): Readonly<Record<string, (call: HttpCall) => Reply | Promise<Reply>>> {
    return {
      'POST /files': (call) => this.#upload(call),
      'GET /files/id': () => this.#fileReply(id),
      'GET /files/id/content': () => ({ contentType: 'application/octet-stream', pieces: [this.#file(id).text] }),
      'POST /batches': (call) => this.#create(call),
      'GET /batches': ({ query }) => this.#list(query),
      'GET /batches/id': () => this.#look(this.#batch(id)),
      'POST /batches/id/cancel': () => {
        this.#batch(id).status = 'cancelling';
        return json(this.#wire(this.#batch(id)));
      },
    };
  }

  async #disturbed(
    route: string,
    call: HttpCall,
    base: string,
    handle: (call: HttpCall) => Reply | Promise<Reply>,
  ): Promise<Reply> {
    this.#routes.require?.(call, base);
    const number = this.#calls.get(route) ?? 0;
    this.#calls.set(route, number + 1);
    const disturbance = this.#script.disturb?.(route, number) ?? null;
    if (disturbance === 'refused') throw new RefusedRequest({ kind: 'failed' });
    const reply = await handle(call);
    if (disturbance === 'lost') throw new RefusedRequest({ kind: 'failed' });
    return reply;
  }

  #upload({ body, headers }: HttpCall): Reply {
    const form = readMultipartForm(typeof body === 'string' ? body : '', headers['content-type'] ?? '');
    const file = form.get('file');
    const { maxBytes = 200_000_000 } = this.#script;
    if (file === undefined || form.get('purpose') !== 'batch') return refuseInvalid('a file for a batch is expected');
    if (Buffer.byteLength(file) > maxBytes) return refuseInvalid(`The file is larger than ${maxBytes} bytes.`);
    return this.#fileReply(this.#store(file, 'batch'));
  }

  #store(text: string, purpose: string): string {
    const id = `file-${this.#files.size + 1}`;
    this.#files.set(id, { text, purpose, looks: 0 });
    return id;
  }

  #file(id: string): StoredFile {
    const file = this.#files.get(id);
    if (file === undefined) throw new RefusedRequest({ kind: 'route-unknown', method: 'GET', path: id });
    return file;
  }

  #fileReply(id: string): Reply {
    const file = this.#file(id);
    const status = file.looks++ < (this.#script.fileLooks ?? 0) ? 'pending' : 'processed';
    return json({
      id,
      object: 'file',
      bytes: file.text.length,
      created_at: 1_700_000_000,
      purpose: file.purpose,
      status,
    });
  }

  #batch(id: string): StoredBatch {
    const batch = this.#batches.find((each) => each.id === id);
    if (batch === undefined) throw new RefusedRequest({ kind: 'route-unknown', method: 'GET', path: id });
    return batch;
  }

  #create({ body, headers }: HttpCall): Reply {
    const parsed = createSchema.safeParse(body);
    if (!parsed.success) return refuseInvalid(`not a batch: ${parsed.error.message}`);
    const { input_file_id: fileId, endpoint } = parsed.data;
    const file = this.#files.get(fileId);
    if (file === undefined) return refuseInvalid(`No such File object: ${fileId}`, { param: 'input_file_id' });
    if (endpoint !== this.#routes.chat) return refuseInvalid(`Invalid endpoint: ${endpoint}`, { param: 'endpoint' });
    const number = this.#batches.length;
    const { lines, tokens, errors: invalid } = readLines(file.text, endpoint, this.#script.maxRequests ?? 50_000);
    const errors = invalid ?? this.#queueFull(tokens);
    const batch: StoredBatch = {
      id: `batch_${number + 1}`,
      number,
      file: fileId,
      endpoint,
      headers,
      lines,
      tokens,
      createdAt: 1_700_000_000 + number,
      status: errors === null ? 'validating' : 'failed',
      looks: 0,
      errors,
      files: { output: null, error: null },
      counts: { total: lines.length, completed: 0, failed: 0 },
    };
    this.#batches.push(batch);
    return json({ ...this.#wire(batch), status: 'validating', errors: null });
  }

  #queueFull(tokens: number): BatchEnding['errors'] | null {
    const { maxQueuedTokens: most = Infinity } = this.#script;
    const queued = this.#batches
      .filter(({ status }) => OPEN.includes(status))
      .reduce((sum, batch) => sum + batch.tokens, 0);
    if (queued + tokens <= most) return null;
    const message = `Enqueued token limit reached. Limit: ${most} enqueued tokens. Please try again once some in_progress batches have been completed.`;
    return [{ code: 'token_limit_exceeded', message, line: null }];
  }

  #list(query: URLSearchParams): Reply {
    const newest = this.#batches.toReversed();
    const after = newest.findIndex(({ id }) => id === query.get('after')) + 1;
    const limit = Number(query.get('limit') ?? 20);
    const data = newest.slice(after, after + limit).map((batch) => this.#wire(batch));
    return json({ object: 'list', data, has_more: after + limit < newest.length });
  }

  async #look(batch: StoredBatch): Promise<Reply> {
    if (OPEN.includes(batch.status)) {
      const { looks = 1 } = this.#script;
      batch.looks += 1;
      batch.status = 'in_progress';
      if (batch.looks >= looks) await this.#end(batch);
    } else if (batch.status === 'cancelling') await this.#end(batch, { status: 'cancelled', answered: 0 });
    return json(this.#wire(batch));
  }

  async #end(batch: StoredBatch, given?: BatchEnding): Promise<void> {
    const ending =
      given ??
      this.#script.ending?.(
        batch.number,
        batch.lines.map(({ custom_id: id }) => id),
      ) ??
      {};
    const { status = 'completed' } = ending;
    const { answered = status === 'failed' ? 0 : Infinity, output = same, error = same } = ending;
    batch.status = status;
    batch.errors = ending.errors ?? null;
    const done: { good: string[]; bad: string[] } = { good: [], bad: [] };
    for (const [i, line] of batch.lines.entries()) {
      if (i < answered) await this.#answerLine(line, batch.headers, done);
      else if (status !== 'failed')
        done.bad.push(
          writeRow(line, null, {
            code: `batch_${status}`,
            message: `This request could not be executed: the batch is ${status}.`,
          }),
        );
    }
    const keep = (lines: readonly string[]): string | null =>
      lines.length === 0 ? null : this.#store(lines.map((line) => `${line}\n`).join(''), 'batch_output');
    // As their answers came, which is hardly ever the order of the questions.
    batch.files = { output: keep(output(done.good.toReversed())), error: keep(error(done.bad.toReversed())) };
    batch.counts = { total: batch.lines.length, completed: done.good.length, failed: done.bad.length };
  }

  async #answerLine(
    line: Line,
    headers: HttpCall['headers'],
    { good, bad }: { good: string[]; bad: string[] },
  ): Promise<void> {
    const { reply, fault } = await this.#answer(line.body, headers);
    if (fault === 'cut-stream') return;
    if (fault === 'hang') bad.push(writeRow(line, null, null));
    else if (reply.status !== 200) bad.push(writeRow(line, reply, null));
    else if (fault === 'malformed-json') good.push(writeRow(line, reply, null).slice(0, -20));
    else good.push(writeRow(line, reply, null));
  }

  #wire(batch: StoredBatch): object {
    return {
      id: batch.id,
      object: 'batch',
      endpoint: batch.endpoint,
      errors: batch.errors === null ? null : { object: 'list', data: batch.errors },
      input_file_id: batch.file,
      completion_window: '24h',
      status: batch.status,
      output_file_id: batch.files.output,
      error_file_id: batch.files.error,
      created_at: batch.createdAt,
      request_counts: batch.counts,
    };
  }
}

const same = (lines: readonly string[]): readonly string[] => lines;
