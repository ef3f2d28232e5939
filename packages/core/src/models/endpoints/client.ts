import OpenAI from 'openai';
import type { FailedResponse } from './failures/http-failure.ts';
import { patientFetch } from './patient-fetch.ts';

/** No timer of the client ever fires: every attempt has the time limit of the gateway. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** A response with a bad status, its body read. */
export class RefusedResponse extends Error {
  readonly failed: FailedResponse;

  constructor(failed: FailedResponse) {
    super('the server refused the call');
    this.failed = failed;
  }
}

/** Carries what went wrong past the client, which keeps neither causes that speak of a timeout nor most bodies of errors. */
export class FetchFailure extends Error {
  readonly failure: unknown;

  constructor(failure: unknown) {
    super('no answer');
    this.failure = failure;
  }
}

/** Headers that the client writes of itself. */
const OWN_HEADER = /^(accept|content-type|user-agent|x-stainless-.*)$/;

/** Without what the client adds from OPENAI_CUSTOM_HEADERS, which is meant for one service and often holds its key. */
function ownHeaders(sent: RequestInit['headers'], authorization: object): Headers {
  return new Headers([...new Headers(sent)].filter(([name]) => OWN_HEADER.test(name) || name in authorization));
}

async function fetchAnswer(inner: typeof fetch, ...[url, init]: Parameters<typeof fetch>): Promise<Response> {
  try {
    // A redirected POST arrives as a GET, or takes the key to another host.
    const response = await inner(url, { ...init, redirect: 'manual' });
    if (response.ok) return response;
    const { status, headers } = response;
    throw new RefusedResponse({ status, headers, body: await response.text() });
  } catch (failure) {
    throw new FetchFailure(failure);
  }
}

/**
 * A client for one server. It sends once and waits as long as its signal lets it: attempts and times are the gateway's.
 * Every failure comes as an `APIConnectionError` with a {@link FetchFailure} as its cause, but for errors inside a stream.
 */
export function createClient(
  authorization: Readonly<Record<string, string>>,
  inner: typeof fetch = patientFetch,
): OpenAI {
  return new OpenAI({
    // What is not given the client takes from the environment, which may hold the keys of other services.
    apiKey: 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: 'http://invalid',
    defaultHeaders: { authorization: null, ...authorization },
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logLevel: 'off',
    fetch: (url, init) => fetchAnswer(inner, url, { ...init, headers: ownHeaders(init?.headers, authorization) }),
  });
}
