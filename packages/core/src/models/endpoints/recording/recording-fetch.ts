import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError } from '../../../runtime/file-errors.ts';
import { patientFetch } from '../patient-fetch.ts';
import { brokenBody, NO_BODY } from './broken-body.ts';
import { RECORDING_SCHEMA, type RecordedExchange } from './exchange.ts';
import { recordedRequest } from './recorded-request.ts';
import { redactText, type RedactionOptions } from './redaction.ts';

export interface RecordingOptions extends RedactionOptions {
  /** What sends. Default: {@link patientFetch}. */
  readonly inner?: typeof fetch;
}

/** What a response's body is, and what a service says of its limits. Everything else, cookies first, stays out. */
const KEPT_HEADER = /^(content-type|retry-after(-ms)?|x-ratelimit-.*|x-request-id)$/;
/** Describe the bytes on the wire, which are decoded by now. */
const WIRE_HEADERS = ['content-encoding', 'content-length', 'transfer-encoding'];

/** As much of a body as came, and what broke it off. */
interface ReceivedBody {
  readonly text: string;
  readonly broken: Error | null;
  readonly firstByteMs: number | null;
}

async function readBody(response: Response, elapsedMs: () => number): Promise<ReceivedBody> {
  const decoder = new TextDecoder();
  let text = '';
  let firstByteMs: number | null = null;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      firstByteMs ??= elapsedMs();
      text += decoder.decode(chunk, { stream: true });
    }
    return { text: text + decoder.decode(), broken: null, firstByteMs };
  } catch (error) {
    return { text, broken: error instanceof Error ? error : new Error(String(error)), firstByteMs };
  }
}

/** The code of the innermost cause that has one. */
function failureOf(error: unknown): { code: string; message: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return { code, message: cause instanceof Error ? cause.message : String(cause) };
}

/** The response as it came, its body read and given again. */
function givenAgain({ status, statusText, headers }: Response, body: ReceivedBody): Response {
  const kept = new Headers(headers);
  for (const name of WIRE_HEADERS) kept.delete(name);
  const content = body.broken === null ? body.text : brokenBody(body.text, body.broken);
  return new Response(NO_BODY.includes(status) ? null : content, { status, statusText, headers: kept });
}

/** Appends lines to a file one after another, so that none is torn apart by the next. */
function lineWriter(file: string): (line: string) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (line) => {
    const written = last.then(() => appendFile(file, `${line}\n`));
    last = written.catch(() => undefined);
    return written.catch((cause: unknown) => {
      throw fileError(file, cause);
    });
  };
}

/**
 * A `fetch` that keeps what goes over the wire in a file of JSON lines (`vlprm.recording/1`), for tests and bug reports:
 * a line is written before its response is handed out. Of the request's headers nothing is kept; keys, cookies and
 * whatever else the request carries as a secret are left out wherever they turn up, images stand by hash. Calls that are
 * aborted leave no line. An existing file is replaced.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED for a file that cannot be written
 */
export async function recordingFetch(file: string, options: RecordingOptions = {}): Promise<typeof fetch> {
  const { inner = patientFetch } = options;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '');
  } catch (cause) {
    throw fileError(file, cause);
  }
  const write = lineWriter(file);
  return async (...call) => {
    const { request, secrets } = recordedRequest(call, options);
    const begin = performance.now();
    const elapsedMs = (): number => performance.now() - begin;
    const head = { schema: RECORDING_SCHEMA, request, sentAt: new Date().toISOString() } as const;
    const keep = (exchange: Omit<RecordedExchange, keyof typeof head | 'totalMs'>): Promise<void> =>
      write(JSON.stringify({ ...head, ...exchange, totalMs: elapsedMs() } satisfies RecordedExchange));
    const signal = call[1]?.signal;
    let response: Response;
    try {
      response = await inner(...call);
    } catch (error) {
      const { code, message } = failureOf(error);
      const failure = { code, message: redactText(message, secrets) };
      if (signal?.aborted !== true) await keep({ response: null, failure, firstByteMs: null });
      throw error;
    }
    const body = await readBody(response, elapsedMs);
    if (signal?.aborted === true && body.broken !== null) throw body.broken;
    const kept = [...response.headers].filter(([name]) => KEPT_HEADER.test(name));
    await keep({
      response: {
        status: response.status,
        headers: Object.fromEntries(kept.map(([name, value]) => [name, redactText(value, secrets)])),
        body: redactText(body.text, secrets),
        whole: body.broken === null,
      },
      failure: null,
      firstByteMs: body.firstByteMs,
    });
    return givenAgain(response, body);
  };
}
