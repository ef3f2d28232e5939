import { z } from 'zod';
import { VlprmError } from '../../../runtime/errors.ts';
import type { RecordedRequest } from './exchange.ts';
import { findSecrets, redactBody, redactPath, type RedactionOptions } from './redaction.ts';

/** What `fetch` is called with. */
export type FetchInput = Parameters<typeof fetch>;

function readBody(body: RequestInit['body']): RecordedRequest['body'] {
  if (body == null) return null;
  if (typeof body !== 'string') {
    throw new VlprmError('ERR_INTERNAL', 'a request whose body is no text cannot be recorded or replayed');
  }
  try {
    return z.json().parse(JSON.parse(body));
  } catch {
    return body;
  }
}

/** The recorded form of a request, and the secrets that it carries. */
export function recordedRequest(
  [input, init = {}]: FetchInput,
  options: RedactionOptions,
): { request: RecordedRequest; secrets: readonly string[] } {
  const url = new URL(input instanceof Request ? input.url : input);
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : {}));
  const secrets = findSecrets(headers, url.searchParams, options);
  return {
    request: {
      method: (init.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase(),
      path: redactPath(url, secrets),
      body: redactBody(readBody(init.body), secrets, options),
    },
    secrets,
  };
}
