import { throwIfAborted, VlprmError } from '../../../runtime/errors.ts';
import { readJsonl } from '../../../runtime/json-files.ts';
import { brokenBody, NO_BODY } from './broken-body.ts';
import { exchangeSchema, requestKey, type RecordedExchange } from './exchange.ts';
import { recordedRequest } from './recorded-request.ts';
import type { RedactionOptions } from './redaction.ts';

/** What the recorded call came to: its response, or the failure that `fetch` had. */
function replay({ response, failure }: RecordedExchange): Response {
  if (response === null) {
    const { code = '', message = '' } = failure ?? {};
    throw new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
  }
  const { status, headers, body, whole } = response;
  const content = whole ? body : brokenBody(body, new TypeError('terminated'));
  return new Response(NO_BODY.includes(status) ? null : content, { status, headers });
}

/**
 * A `fetch` that answers from a recording and never touches the network. Requests are matched by method, path and
 * redacted body, whatever the address and the key; the n-th of equal requests gets the n-th recorded answer, later ones
 * the last. `options` are those of the recording.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION; the result throws ERR_REPLAY_MISSING, ERR_ABORTED
 */
export async function replayingFetch(file: string, options: RedactionOptions = {}): Promise<typeof fetch> {
  const recorded = new Map<string, RecordedExchange[]>();
  for await (const { value } of readJsonl(file, exchangeSchema)) {
    const key = requestKey(value.request);
    const equal = recorded.get(key);
    if (equal) equal.push(value);
    else recorded.set(key, [value]);
  }
  const asked = new Map<string, number>();
  return async (...call) => {
    throwIfAborted(call[1]?.signal ?? undefined);
    const { request } = recordedRequest(call, options);
    const key = requestKey(request);
    const exchanges = recorded.get(key) ?? [];
    const time = asked.get(key) ?? 0;
    asked.set(key, time + 1);
    const exchange = exchanges[time] ?? exchanges.at(-1);
    if (exchange !== undefined) return replay(exchange);
    throw new VlprmError('ERR_REPLAY_MISSING', `the recording has no answer to ${request.method} ${request.path}`, {
      where: file,
      fix: 'record again, or replay with the code and configuration that recorded',
    });
  };
}
