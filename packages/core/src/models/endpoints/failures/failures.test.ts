import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMemoryLedger, type LedgerEntry } from '../../../runtime/ledger.ts';
import type { ServiceError } from '../../../runtime/gateway/index.ts';
import type { EndpointConfigInput } from '../endpoint-config.ts';
import { completion, sendJson, serveLoopback } from '../fixtures/loopback.ts';
import { context, imageMessage, open, request } from '../fixtures/requests.ts';

const KEY = 'sk-very-secret-123';

async function failWith(
  answer: (response: ServerResponse) => void,
  config: Partial<EndpointConfigInput> = {},
  withImage = false,
): Promise<ServiceError> {
  const { url } = await serveLoopback((response, { path }) => {
    if (path.endsWith('/models')) sendJson(response, { data: [{ id: 'vlm-7b-real' }, { id: 'prm-3b' }] });
    else answer(response);
  });
  const service = open({ baseUrl: url, apiKeyEnv: 'KEY', ...config }, { env: { KEY } });
  const chat = request(withImage ? { messages: [imageMessage] } : {});
  return service.chat(chat, context).then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error as ServiceError,
  );
}

const says =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    typeof body === 'string'
      ? void response.writeHead(status, headers).end(body)
      : sendJson(response, body, status, headers);
const openAiError = (
  message: string,
  code: string | number | null = null,
  type = 'invalid_request_error',
): unknown => ({
  error: { message, type, param: null, code },
});

describe('what servers say of a failure', () => {
  it.each<[code: string, server: string, status: number, body: unknown]>([
    ['ERR_AUTH', 'OpenAI', 401, openAiError(`Incorrect API key provided: ${KEY}.`, 'invalid_api_key')],
    ['ERR_AUTH', 'vLLM', 401, { error: 'Unauthorized' }],
    ['ERR_AUTH', 'a proxy', 403, '<html><body>Forbidden</body></html>'],
    ['ERR_MODEL_UNKNOWN', 'vLLM', 404, openAiError('The model `vlm-7b` does not exist.', 404, 'NotFoundError')],
    [
      'ERR_MODEL_UNKNOWN',
      'an older vLLM',
      404,
      { object: 'error', message: 'The model `vlm-7b` does not exist.', code: 404 },
    ],
    [
      'ERR_MODEL_UNKNOWN',
      'OpenAI',
      404,
      openAiError('The model `x` does not exist or you do not have access to it.', 'model_not_found'),
    ],
    [
      'ERR_MODEL_UNKNOWN',
      'OpenAI for a project',
      403,
      openAiError('Project does not have access to model `x`', 'model_not_found'),
    ],
    ['ERR_MODEL_UNKNOWN', 'Ollama', 404, { error: "model 'vlm-7b' not found" }],
    [
      'ERR_MODEL_UNKNOWN',
      'Azure',
      404,
      openAiError('The API deployment for this resource does not exist.', 'DeploymentNotFound'),
    ],
    [
      'ERR_QUOTA_EXHAUSTED',
      'OpenAI',
      429,
      openAiError('You exceeded your current quota, please check your plan and billing details.', 'insufficient_quota'),
    ],
    ['ERR_QUOTA_EXHAUSTED', 'OpenRouter', 402, openAiError('Insufficient credits', 402)],
    [
      'ERR_RATE_LIMITED',
      'OpenAI',
      429,
      openAiError('Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM)', 'rate_limit_exceeded'),
    ],
    [
      'ERR_RATE_LIMITED',
      'Azure',
      429,
      openAiError('Requests have exceeded call rate limit of your current pricing tier.', '429'),
    ],
    [
      'ERR_RATE_LIMITED',
      'Groq',
      429,
      openAiError(
        'Rate limit reached. Need more tokens? See https://console.groq.com/settings/billing',
        'rate_limit_exceeded',
      ),
    ],
    [
      'ERR_RATE_LIMITED',
      'Gemini',
      429,
      { error: { code: 429, message: 'You exceeded your current quota', status: 'RESOURCE_EXHAUSTED' } },
    ],
    [
      'ERR_RATE_LIMITED',
      'a limit of tokens by the minute',
      429,
      { error: { message: 'Too many tokens, please wait before trying again.' } },
    ],
    ['ERR_OVERLOADED', 'a full queue', 429, { error: 'Model is overloaded' }],
    ['ERR_OVERLOADED', 'llama.cpp while it loads', 503, openAiError('Loading model', 503, 'unavailable_error')],
    ['ERR_OVERLOADED', 'Ollama', 503, { error: 'server busy, please try again.  maximum pending requests exceeded' }],
    ['ERR_SERVER_FAILED', 'vLLM', 500, 'Internal Server Error'],
    ['ERR_SERVER_FAILED', 'a proxy', 502, '<html><head><title>502 Bad Gateway</title></head></html>'],
    ['ERR_TIMEOUT', 'a proxy', 504, '<html><head><title>504 Gateway Time-out</title></head></html>'],
    [
      'ERR_CONTEXT_OVERFLOW',
      'OpenAI',
      400,
      openAiError("This model's maximum context length is 8192 tokens.", 'context_length_exceeded'),
    ],
    [
      'ERR_CONTEXT_OVERFLOW',
      'vLLM',
      400,
      openAiError('The decoder prompt (length 9000) is longer than the maximum model length of 4096.', 400),
    ],
    [
      'ERR_CONTEXT_OVERFLOW',
      'vLLM for the answer',
      400,
      openAiError("'max_tokens' or 'max_completion_tokens' is too large: 5000.", 400),
    ],
    [
      'ERR_CONTEXT_OVERFLOW',
      'SGLang',
      400,
      { message: "The input (9000 tokens) is longer than the model's context length (4096 tokens)." },
    ],
    [
      'ERR_CONTEXT_OVERFLOW',
      'llama.cpp',
      400,
      openAiError(
        'the request exceeds the available context size, try increasing it',
        400,
        'exceed_context_size_error',
      ),
    ],
    ['ERR_CONTEXT_OVERFLOW', 'Ollama', 400, { error: 'the input length exceeds the context length' }],
    [
      'ERR_CONTENT_FILTER',
      'Azure',
      400,
      openAiError(
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        'content_filter',
      ),
    ],
    [
      'ERR_CONTENT_FILTER',
      'OpenAI',
      400,
      openAiError('Your request was rejected as a result of our safety system.', 'content_policy_violation'),
    ],
    [
      'ERR_CAPABILITY_MISSING',
      'vLLM about log-probabilities',
      400,
      openAiError('Requested sample logprobs of 20, which is greater than max allowed: 5', 400, 'BadRequestError'),
    ],
    [
      'ERR_CAPABILITY_MISSING',
      'OpenAI about log-probabilities',
      400,
      openAiError("Unsupported parameter: 'logprobs' is not supported with this model.", 'unsupported_parameter'),
    ],
    [
      'ERR_CAPABILITY_MISSING',
      'FastAPI',
      422,
      { detail: [{ loc: ['body', 'top_k'], msg: 'Extra inputs are not permitted', type: 'extra_forbidden' }] },
    ],
    ['ERR_DIALECT', 'FastAPI', 404, { detail: 'Not Found' }],
    ['ERR_DIALECT', 'llama.cpp', 404, openAiError('File Not Found', 404, 'not_found_error')],
    ['ERR_DIALECT', 'Ollama', 404, '404 page not found'],
    ['ERR_DIALECT', 'a web server', 405, '<html>Method Not Allowed</html>'],
    [
      'ERR_REQUEST_REFUSED',
      'a template',
      400,
      openAiError('Conversation roles must alternate user/assistant/user/assistant/...', 400),
    ],
  ])('%s: %s', async (code, _, status, body) => {
    const error = await failWith(says(status, body));
    expect(error).toMatchObject({ code, status });
    expect(error.where).toMatch(/^endpoint policy at http:\/\/127\.0\.0\.1:\d+$/);
    expect(error.fix).toBeTruthy();
    expect(error.toLine()).not.toContain('\n');
    expect(JSON.stringify([error.toLine(), error.stack, error.cause])).not.toContain(KEY);
  });

  it.each<[server: string, status: number, body: unknown]>([
    ['vLLM about their number', 400, openAiError('At most 1 image(s) may be provided in one prompt.', 400)],
    ['vLLM about a text model', 400, openAiError('Qwen/Qwen3-8B is not a multimodal model', 400)],
    ['vLLM about the file', 400, openAiError('cannot identify image file <_io.BytesIO object>', 400)],
    ['an older vLLM about the file', 500, { object: 'error', message: 'cannot identify image file', code: 500 }],
    [
      'OpenAI',
      400,
      openAiError('You uploaded an unsupported image. Please make sure your image is valid.', 'image_parse_error'),
    ],
    [
      'llama.cpp',
      500,
      openAiError('image input is not supported - hint: you may need to provide the mmproj', 500, 'server_error'),
    ],
    ['Ollama', 500, { error: 'Failed to process inputs: this model is missing data required for image input' }],
    ['a proxy', 413, '<html>Request Entity Too Large</html>'],
  ])('ERR_IMAGE_REFUSED: %s', async (_, status, body) => {
    expect(await failWith(says(status, body), {}, true)).toMatchObject({ code: 'ERR_IMAGE_REFUSED', status });
    expect((await failWith(says(status, body))).code).not.toBe('ERR_IMAGE_REFUSED');
  });

  it('lists the models that there are', async () => {
    const error = await failWith(says(404, openAiError('The model `vlm-7b` does not exist.', 404)));
    expect(error.fix).toBe('set `model` to one of: vlm-7b-real, prm-3b');
  });

  it('names the address that the server sends elsewhere to, and does not follow', async () => {
    const error = await failWith(says(308, '', { location: 'https://models.example/v1/chat/completions' }));
    expect(error).toMatchObject({
      code: 'ERR_DIALECT',
      fix: 'set `baseUrl` to the address that it names: https://models.example/v1/chat/completions',
    });
  });

  it('gives the title of a page', async () => {
    const page = '<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>';
    expect(await failWith(says(400, page))).toMatchObject({
      code: 'ERR_DIALECT',
      message: 'the server answered 400: a page of HTML, "400 The plain HTTP request was sent to HTTPS port"',
    });
  });

  it('gives the words of the server in one short line, without image data', async () => {
    const long = `bad\n\trequest data:image/png;base64,${'A'.repeat(5000)} ${'x'.repeat(5000)}`;
    const error = await failWith(says(400, openAiError(long)));
    expect(error.message).toMatch(/^the server answered 400: bad request data:\[image\] x+…$/);
    expect(error.message.length).toBeLessThan(400);
  });

  it.each([
    ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    ['seconds', { 'retry-after': '2' }, 2000],
    [
      'the reset of an exhausted limit',
      { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m1.5s' },
      61_500,
    ],
    ['nothing', { 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '1s' }, null],
    ['a date that has passed', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0],
  ])('waits as the service asks: %s', async (_, headers, retryAfterMs) => {
    const error = await failWith(says(429, openAiError('slow down'), headers));
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMITED', retryAfterMs });
  });

  it('waits until a date', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    const { retryAfterMs } = await failWith(says(503, 'busy', { 'retry-after': date }));
    expect(retryAfterMs).toBeGreaterThan(55_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });
});

describe('answers that are none', () => {
  it.each<[code: string, what: string, body: unknown, type: string]>([
    ['ERR_DIALECT', 'a page', '<!doctype html><title>Welcome</title>', 'text/html'],
    ['ERR_DIALECT', 'JSON of something else', '{"status":"ok"}', 'application/json'],
    ['ERR_ANSWER_MALFORMED', 'broken JSON', '{"choices":[{"index":0,', 'application/json'],
    [
      'ERR_RATE_LIMITED',
      'an error with status 200',
      '{"error":{"code":429,"message":"Provider returned error"}}',
      'application/json',
    ],
    [
      'ERR_SERVER_FAILED',
      'an error without a status',
      '{"error":"llama runner process has terminated"}',
      'application/json',
    ],
  ])('%s for %s', async (code, _, body, type) => {
    const error = await failWith(says(200, body, { 'content-type': type }));
    expect(error.code).toBe(code);
    expect(error.where).toContain('endpoint policy at');
  });
});

describe('connections', () => {
  const tcp = async (onConnect: (socket: import('node:net').Socket) => void): Promise<string> => {
    const server = createTcpServer(onConnect);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const chat = (baseUrl: string, config: Partial<EndpointConfigInput> = {}): Promise<unknown> =>
    open({ baseUrl, ...config }).chat(request(), context);

  it('ERR_ENDPOINT_UNREACHABLE where nothing listens, and where no such host is', async () => {
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(closed.address() as AddressInfo).port}`;
    await new Promise((resolve) => closed.close(resolve));
    await expect(chat(`http://${host}`)).rejects.toMatchObject({
      code: 'ERR_ENDPOINT_UNREACHABLE',
      message: 'no server answers: nothing listens there (ECONNREFUSED)',
      where: `endpoint policy at http://${host}`,
    });
    await expect(chat('http://127.0.0.1:6000')).rejects.toMatchObject({ code: 'ERR_ENDPOINT_UNREACHABLE' });
    await expect(chat('http://nowhere.invalid')).rejects.toMatchObject({ code: 'ERR_ENDPOINT_UNREACHABLE' });
  });

  it('ERR_ENDPOINT_UNREACHABLE for https on a port of http', async () => {
    const { url } = await serveLoopback((response) => sendJson(response, {}));
    await expect(chat(url.replace('http:', 'https:'))).rejects.toMatchObject({
      code: 'ERR_ENDPOINT_UNREACHABLE',
      fix: expect.stringContaining('scheme') as string,
    });
  });

  it('ERR_DIALECT for a server that does not speak HTTP', async () => {
    const host = await tcp((socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    await expect(chat(`http://${host}`)).rejects.toMatchObject({ code: 'ERR_DIALECT' });
  });

  it('ERR_CONNECTION_LOST when it is closed before or in the middle of the answer', async () => {
    const host = await tcp((socket) => void socket.on('data', () => socket.destroy()));
    await expect(chat(`http://${host}`)).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' });
    const cut = await failWith((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"choices":[', () => response.destroy());
    });
    expect(cut.code).toBe('ERR_CONNECTION_LOST');
  });

  it('ERR_TIMEOUT when no answer comes in time, at the head or in the body', async () => {
    const silent = await failWith(() => undefined, { timeoutSeconds: 0.05 });
    const stuck = await failWith(
      (response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
      { timeoutSeconds: 0.05 },
    );
    const stuckStream = await failWith(
      (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {}\n'),
      { timeoutSeconds: 0.05, stream: true },
    );
    expect([silent.code, stuck.code, stuckStream.code]).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT', 'ERR_TIMEOUT']);
  });

  it('ERR_TIMEOUT when Node.js itself gives up to wait for the first byte', async () => {
    const cause = Object.assign(new Error('Headers Timeout Error'), { code: 'UND_ERR_HEADERS_TIMEOUT' });
    const service = open(
      { baseUrl: 'http://h' },
      { fetch: () => Promise.reject(new TypeError('fetch failed', { cause })) },
    );
    await expect(service.chat(request(), context)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      fix: expect.stringContaining('stream: true') as string,
    });
  });

  it('ERR_ABORTED as soon as the caller gives up, and the server sees it', async () => {
    const caller = new AbortController();
    let closed: Promise<void> | undefined;
    const { url } = await serveLoopback((response) => {
      closed = new Promise((resolve) => response.on('close', resolve));
      caller.abort();
    });
    const sent = open({ baseUrl: url }).chat(request(), { ...context, signal: caller.signal });
    await expect(sent).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await closed;
  });
});

describe('what a model refuses', () => {
  const unsupported = (param: string): unknown => ({
    error: {
      message: `Unsupported parameter: '${param}' is not supported with this model.`,
      type: 'invalid_request_error',
      param,
      code: 'unsupported_parameter',
    },
  });

  it('is left out and remembered, where the answer can do without', async () => {
    const { url, requests } = await serveLoopback((response, { body }) => {
      const refused = ['temperature', 'top_p', 'stop'].find((name) => name in body);
      if (refused === undefined) sendJson(response, completion(['one\n\ntwo']));
      else sendJson(response, unsupported(refused), 400);
    });
    const service = open({ baseUrl: url, kind: 'openai', model: 'o4-mini' });
    const { answer } = await service.chat(request({ stop: ['\n\n'] }), context);
    expect(answer.choices[0]).toMatchObject({ text: 'one', stoppedBy: '\n\n' });
    expect(requests).toHaveLength(4);
    expect(service.capabilities.sampling).toBe(false);
    await service.chat(request({ seed: 99 }), context);
    expect(requests).toHaveLength(5);
    expect(requests[4]!.body).toMatchObject({ seed: 99, max_completion_tokens: 64 });
  });

  it('is left out of a stream too: an older Azure does not tell the cost of one', async () => {
    const refused = openAiError('Unrecognized request argument supplied: stream_options');
    const { url, requests } = await serveLoopback((response, { body }) =>
      'stream_options' in body ? sendJson(response, refused, 400) : sendJson(response, completion(['four'])),
    );
    await open({ baseUrl: url, kind: 'azure', stream: true }).chat(request(), context);
    expect(requests.at(-1)!.body).toMatchObject({ stream: true });
  });

  it('is renamed, where old and new services have two names', async () => {
    const { url, requests } = await serveLoopback((response, { body }) => {
      const old = openAiError('Unrecognized request argument supplied: max_completion_tokens');
      if ('max_completion_tokens' in body) sendJson(response, old, 400);
      else sendJson(response, completion(['four']));
    });
    await open({ baseUrl: url, kind: 'azure' }).chat(request(), context);
    expect(requests.at(-1)!.body).toMatchObject({ max_tokens: 64 });
  });

  it('keeps its place in the ledger: a later run finds what was answered without it', async () => {
    const { url, requests } = await serveLoopback((response, { body }) =>
      'temperature' in body
        ? sendJson(response, unsupported('temperature'), 400)
        : sendJson(response, completion(['x'])),
    );
    const ledger = createMemoryLedger();
    const first = open({ baseUrl: url, kind: 'openai' }, { ledger });
    await first.chat(request({ seed: 1 }), context);
    await first.chat(request({ seed: 2 }), context);
    const second = open({ baseUrl: url, kind: 'openai' }, { ledger });
    expect((await second.chat(request({ seed: 2 }), context)).source).toBe('ledger');
    expect(requests).toHaveLength(3);
  });
});

describe('what the endpoint cannot do', () => {
  it.each([
    ['take images', { images: false }, { messages: [imageMessage] }, 'images'],
    ['take 1 images', { maxImages: 0 }, { messages: [imageMessage] }, 'maxImages'],
    ['go on with a text of the assistant', { prefill: false }, { continueFinal: true }, 'prefill'],
    ['give 21 log-probabilities a token', {}, { topLogprobs: 21 }, 'topLogprobs'],
    ['give the log-probabilities of named tokens', {}, { labelTokenIds: [1] }, 'labelLogprobs'],
    ['hold an answer to a set of texts', { structuredOutput: false }, { choices: ['+'] }, 'structuredOutput'],
    [
      'hold an answer to a JSON Schema',
      { jsonSchema: false },
      { responseSchema: { name: 'a', schema: {} } },
      'jsonSchema',
    ],
  ])('is refused before anything is sent: %s', async (what, capabilities, chat, capability) => {
    const service = open({ baseUrl: 'http://127.0.0.1:1', capabilities });
    await expect(service.chat(request(chat), context)).rejects.toMatchObject({
      code: 'ERR_CAPABILITY_MISSING',
      message: `the endpoint cannot ${what}`,
      fix: expect.stringContaining(`capabilities.${capability}`) as string,
    });
  });

  it('is refused by the dialect too: OpenAI has no top_k', async () => {
    const sampling = { ...request().sampling, topK: 20 };
    const sent = open({ baseUrl: 'http://127.0.0.1:1', kind: 'openai' }).chat(request({ sampling }), context);
    await expect(sent).rejects.toMatchObject({ code: 'ERR_CAPABILITY_MISSING', message: /top_k/ });
  });
});

describe('a key', () => {
  it('shows in no service, ledger or body', async () => {
    const ledger = createMemoryLedger();
    const puts: unknown[] = [];
    const watched = { ...ledger, put: (entry: LedgerEntry) => (puts.push(entry), ledger.put(entry)) };
    const { url, requests } = await serveLoopback((response) => sendJson(response, completion(['x'])));
    const service = open({ baseUrl: url, apiKeyEnv: 'KEY' }, { env: { KEY }, ledger: watched });
    await service.chat(request(), context);
    expect(requests[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
    const seen = inspect([service, puts, requests[0]!.body], { depth: Infinity, showHidden: true });
    expect(puts).toHaveLength(1);
    expect(seen).not.toContain(KEY);
  });
});

describe('configuration', () => {
  it.each([
    ['a key that is not there', { apiKeyEnv: 'NO_KEY' }, 'the environment variable NO_KEY is not set'],
    ['a key of two lines', { apiKeyEnv: 'TWO' }, 'the value of TWO has characters that no key has'],
    ['a password in the URL', { baseUrl: 'http://me:pw@h' }, 'a name or password stands in the base URL'],
  ])('%s is an error in one line', (_, config, message) => {
    const opened = (): unknown => open({ baseUrl: 'http://h', ...config }, { env: { TWO: 'a\nb' } });
    expect(opened).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', message }) as Error);
  });
});
