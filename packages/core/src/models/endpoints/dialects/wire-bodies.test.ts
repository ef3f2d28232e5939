import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { completion, sendJson, serveLoopback, type SeenRequest } from '../fixtures/loopback.ts';
import { context, imageMessage, open, png, pngHash, request } from '../fixtures/requests.ts';
import type { ChatRequest } from '../chat.ts';
import type { EndpointConfigInput, EndpointKind } from '../endpoint-config.ts';

const dataUrl = `data:image/png;base64,${png.toString('base64')}`;
const system = { role: 'system', content: [{ type: 'text', text: 'Look closely.' }] } as const;
const prefill = { role: 'assistant', content: [{ type: 'text', text: '<step_1>' }] } as const;

/** Everything that a step policy asks for, but for what only some servers have. */
const rich: ChatRequest = request({
  messages: [system, imageMessage],
  n: 2,
  seed: 2 ** 53 - 1,
  sampling: { temperature: 0.7, topP: 0.8, topK: null, minP: null, repetitionPenalty: null, maxTokens: 512 },
  stop: ['</step_1>', '\n\n'],
  topLogprobs: 5,
});
const open_: Partial<ChatRequest> = { sampling: { ...rich.sampling, topK: 20, minP: 0.05, repetitionPenalty: 1.05 } };
const continued: Partial<ChatRequest> = { messages: [system, imageMessage, prefill], continueFinal: true };

const messages = [
  { role: 'system', content: 'Look closely.' },
  {
    role: 'user',
    content: [
      { type: 'image_url', image_url: { url: dataUrl } },
      { type: 'text', text: 'How many circles?' },
    ],
  },
];
const assistant = { role: 'assistant', content: '<step_1>' };
const logprobs = { content: [{ token: 'x', logprob: -0.5, top_logprobs: [{ token: 'x', logprob: -0.5 }] }] };

/** What goes over the wire for a request. The server answers as many choices as it is asked for. */
async function send(
  kind: EndpointKind,
  chat: ChatRequest,
  config: Partial<EndpointConfigInput> = {},
): Promise<SeenRequest> {
  const { url, requests } = await serveLoopback((response, { path, body }) => {
    if (path === '/api/chat') {
      const message = { role: 'assistant', content: 'x' };
      sendJson(response, { message, done: true, done_reason: 'stop', logprobs: logprobs.content });
    } else {
      const n = (body['n'] as number | undefined) ?? 1;
      sendJson(
        response,
        completion(
          Array.from({ length: n }, () => 'x'),
          { logprobs },
        ),
      );
    }
  });
  const service = open({ kind, baseUrl: url, apiKeyEnv: 'KEY', ...config }, { env: { KEY: 'k-123' } });
  await service.chat(chat, context);
  return requests[0]!;
}

describe('what goes over the wire', () => {
  it('vllm: the fields of OpenAI and its own, side by side', async () => {
    const { path, headers, body } = await send('vllm', { ...rich, ...open_, ...continued });
    expect(path).toBe('/v1/chat/completions');
    expect(headers.authorization).toBe('Bearer k-123');
    expect(body).toEqual({
      model: 'vlm-7b',
      messages: [...messages, assistant],
      n: 2,
      seed: 2 ** 53 - 1,
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: 0.05,
      repetition_penalty: 1.05,
      max_tokens: 512,
      stop: ['</step_1>', '\n\n'],
      include_stop_str_in_output: false,
      continue_final_message: true,
      add_generation_prompt: false,
      logprobs: true,
      top_logprobs: 5,
    });
  });

  it('vllm: label tokens by id, and an answer of a set of texts under both names', async () => {
    const chat = request({ seed: null, topLogprobs: 2, labelTokenIds: [10, 12], choices: ['x', '-'] });
    const { body } = await send('vllm', chat, { capabilities: { labelLogprobs: true } });
    expect(body).toMatchObject({
      logprobs: true,
      top_logprobs: 2,
      logprob_token_ids: [10, 12],
      return_tokens_as_token_ids: true,
      structured_outputs: { choice: ['x', '-'] },
      guided_choice: ['x', '-'],
    });
    expect(body).not.toHaveProperty('seed');
  });

  it('sglang: one choice a call, its seed in 31 bits, a regular expression for a set of texts', async () => {
    const chat = { ...rich, ...open_, ...continued, n: 1, choices: ['x', '-', 'a.b'] };
    const { body } = await send('sglang', chat);
    expect(body).toEqual({
      model: 'vlm-7b',
      messages: [...messages, assistant],
      seed: expect.any(Number) as number,
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: 0.05,
      repetition_penalty: 1.05,
      max_tokens: 512,
      stop: ['</step_1>', '\n\n'],
      continue_final_message: true,
      logprobs: true,
      top_logprobs: 5,
      regex: String.raw`(x|\-|a\.b)`,
    });
    expect(body['seed']).toBeLessThan(2 ** 31);
  });

  it('openai: the new name of the limit, at most four stop texts', async () => {
    const { path, body } = await send('openai', { ...rich, topLogprobs: 0, stop: ['a', 'b', 'c', 'd', 'e'] });
    expect(path).toBe('/v1/chat/completions');
    expect(body).toEqual({
      model: 'vlm-7b',
      messages,
      n: 2,
      seed: 2 ** 53 - 1,
      temperature: 0.7,
      top_p: 0.8,
      max_completion_tokens: 512,
      stop: ['a', 'b', 'c', 'd'],
    });
  });

  it('azure: the v1 route, or with a dated API that of the deployment; the key in a header of its own', async () => {
    const v1 = await send('azure', rich);
    expect(v1.path).toBe('/openai/v1/chat/completions');
    expect(v1.headers).toMatchObject({ 'api-key': 'k-123' });
    expect(v1.headers).not.toHaveProperty('authorization');
    expect(v1.body).toMatchObject({ model: 'vlm-7b', max_completion_tokens: 512, top_logprobs: 5 });
    const dated = await send('azure', rich, { model: 'my vlm', apiVersion: '2024-10-21' });
    expect(dated.path).toBe('/openai/deployments/my%20vlm/chat/completions?api-version=2024-10-21');
  });

  it('llama.cpp: one choice a call, its own name of the penalty, a grammar for a set of texts', async () => {
    const chat = { ...rich, ...open_, ...continued, n: 1, choices: ['x', '"'] };
    const { body } = await send('llama.cpp', chat);
    expect(body).toEqual({
      model: 'vlm-7b',
      messages: [...messages, assistant],
      seed: expect.any(Number) as number,
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: 0.05,
      repeat_penalty: 1.05,
      max_tokens: 512,
      stop: ['</step_1>', '\n\n'],
      logprobs: true,
      top_logprobs: 5,
      cache_prompt: true,
      grammar: String.raw`root ::= "x" | "\""`,
      continue_final_message: true,
      add_generation_prompt: false,
    });
    expect(body['seed']).toBeLessThan(2 ** 32 - 1);
  });

  it('ollama: its own route, bare base64 for images, everything about sampling in options', async () => {
    const { path, body } = await send('ollama', { ...rich, ...open_, n: 1, seed: 2 ** 40 }, { contextTokens: 16_384 });
    expect(path).toBe('/api/chat');
    expect(body).toEqual({
      model: 'vlm-7b',
      messages: [
        { role: 'system', content: 'Look closely.' },
        { role: 'user', content: 'How many circles?', images: [png.toString('base64')] },
      ],
      stream: false,
      think: false,
      truncate: false,
      shift: false,
      logprobs: true,
      top_logprobs: 5,
      options: {
        num_ctx: 16_384,
        num_predict: 512,
        stop: ['</step_1>', '\n\n'],
        temperature: 0.7,
        top_p: 0.8,
        top_k: 20,
        min_p: 0.05,
        repeat_penalty: 1.05,
        seed: expect.any(Number) as number,
      },
    });
  });

  it('openai-compatible: what every such server takes, and what the request says of open models', async () => {
    const capabilities = { images: true, n: true, topLogprobs: 5 };
    const { path, body } = await send('openai-compatible', { ...rich, ...open_, seed: 5 }, { capabilities });
    expect(path).toBe('/v1/chat/completions');
    expect(body).toEqual({
      model: 'vlm-7b',
      messages,
      n: 2,
      seed: 5,
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: 0.05,
      repetition_penalty: 1.05,
      max_tokens: 512,
      stop: ['</step_1>', '\n\n'],
      logprobs: true,
      top_logprobs: 5,
    });
  });

  const responseSchema = { name: 'answer', schema: { type: 'object', properties: {}, additionalProperties: false } };
  const format = { type: 'json_schema', json_schema: { ...responseSchema, strict: true } };
  it.each<[EndpointKind, Record<string, unknown>]>([
    ['vllm', { response_format: format }],
    ['sglang', { response_format: format }],
    ['openai', { response_format: format }],
    ['azure', { response_format: format }],
    ['llama.cpp', { response_format: format }],
    ['openai-compatible', { response_format: format }],
    ['ollama', { format: responseSchema.schema }],
  ])('%s: an answer held to a JSON Schema', async (kind, fields) => {
    const free = await send(kind, request());
    const { body } = await send(kind, request({ responseSchema }), { capabilities: { jsonSchema: true } });
    expect(body).toEqual({ ...free.body, ...fields });
  });

  it('sends no key where none is configured, whatever the environment holds', async () => {
    const { url, requests } = await serveLoopback((response) => sendJson(response, completion(['x'])));
    await open({ baseUrl: url }, { env: { OPENAI_API_KEY: 'k-other' } }).chat(request(), context);
    expect(requests[0]!.headers).not.toHaveProperty('authorization');
  });

  it('sends no headers that the environment holds for another service', async () => {
    vi.stubEnv('OPENAI_CUSTOM_HEADERS', 'x-gateway: k-other\napi-key: k-other\nauthorization: Bearer k-other');
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const kind of ['vllm', 'azure'] as const) {
      const { headers } = await send(kind, request({ n: 1 }));
      expect(JSON.stringify(headers)).not.toContain('k-other');
      expect(JSON.stringify(headers)).toContain('k-123');
      expect(headers['content-type']).toBe('application/json');
    }
  });

  it('adds the fields of the configuration; inside an object, field by field', async () => {
    const extraBody = { options: { num_gpu: 1, temperature: 0.1 }, keep_alive: '5m' };
    const { body } = await send('ollama', request({ n: 1 }), { extraBody });
    expect(body).toMatchObject({ keep_alive: '5m', options: { num_gpu: 1, temperature: 0.1, num_predict: 64 } });
  });

  it('leaves out sampling where the model takes none', async () => {
    const { body } = await send('openai', { ...rich, topLogprobs: 0 }, { capabilities: { sampling: false } });
    expect(Object.keys(body).toSorted()).toEqual(['max_completion_tokens', 'messages', 'model', 'n', 'stop']);
  });
});

describe('base URLs', () => {
  it.each<[EndpointKind, string, string]>([
    ['vllm', '', '/v1/chat/completions'],
    ['vllm', '/', '/v1/chat/completions'],
    ['vllm', '/v1', '/v1/chat/completions'],
    ['vllm', '/v1/', '/v1/chat/completions'],
    ['vllm', '/v1/chat/completions', '/v1/chat/completions'],
    ['vllm', '/team/a/v1/', '/team/a/v1/chat/completions'],
    ['openai-compatible', '', '/v1/chat/completions'],
    ['openai-compatible', '/api/v1/', '/api/v1/chat/completions'],
    ['openai-compatible', '/v1beta/openai', '/v1beta/openai/chat/completions'],
    ['ollama', '/v1', '/api/chat'],
    ['ollama', '/api/chat', '/api/chat'],
    ['azure', '/openai/v1/', '/openai/v1/chat/completions'],
    ['azure', '/openai/v1?api-version=preview', '/openai/v1/chat/completions?api-version=preview'],
    ['azure', '/openai/deployments/vlm-7b', '/openai/v1/chat/completions'],
    [
      'azure',
      '/openai/deployments/vlm-7b/chat/completions?api-version=2024-10-21',
      '/openai/deployments/vlm-7b/chat/completions?api-version=2024-10-21',
    ],
  ])('%s at %j calls %s', async (kind, path, called) => {
    const { url, requests } = await serveLoopback((response) =>
      sendJson(response, { ...completion(['x']), message: { content: 'x' }, done: true, done_reason: 'stop' }),
    );
    await open({ kind, baseUrl: url + path }).chat(request(), context);
    expect(requests[0]!.path).toBe(called);
  });
});

describe('images', () => {
  it('are the same bytes in every body, and their hash alone is in the content of the call', async () => {
    const { url, requests } = await serveLoopback((response) => sendJson(response, completion(['x'])));
    const service = open({ baseUrl: url });
    await service.chat(request({ messages: [imageMessage], seed: 1 }), context);
    await service.chat(request({ messages: [imageMessage], seed: 2 }), context);
    const [one, two] = requests.map(({ body }) => JSON.stringify(body['messages']));
    expect(one).toBe(two);
    expect(one).toContain(dataUrl);
  });

  it.each([
    ['bytes of another type', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), 'the bytes are image/jpeg, not image/png'],
    ['bytes of no image', Buffer.from('<svg/>'), 'the bytes are no PNG, JPEG or WebP, not image/png'],
    ['another image', Buffer.concat([png, Buffer.from([0])]), 'the bytes have another hash than their record'],
  ])('%s is an error of the data', async (_, bytes, message) => {
    const { url, requests } = await serveLoopback((response) => sendJson(response, completion(['x'])));
    const sent = open({ baseUrl: url }).chat(request({ messages: [imageMessage] }), {
      ...context,
      images: new Map([[pngHash, bytes]]),
    });
    await expect(sent).rejects.toMatchObject({ code: 'ERR_IMAGE_DECODE', message });
    expect(requests).toHaveLength(0);
  });
});
