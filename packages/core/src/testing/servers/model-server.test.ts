import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Brain } from './brain.ts';
import { everyCall } from './fault-plan.ts';
import { readChunks, wireClient } from './fixtures/wire-client.ts';
import { startModelServer, type ModelServer, type ModelServerOptions } from './model-server.ts';

const echo: Brain = { write: async ({ n, seed }) => Array.from({ length: n }, (_, i) => `${seed ?? 'none'}/${i} ok`) };
const long = 'A text of more than a few tokens, so that it can be cut and streamed.';

let server: ModelServer;
afterEach(() => server.close());
const start = async (options: Partial<ModelServerOptions> = {}): Promise<ReturnType<typeof wireClient>> => {
  server = await startModelServer({ dialect: 'vllm', brain: echo, ...options });
  return wireClient(server);
};

describe('a vLLM server', () => {
  it('answers n choices with usage, stops where it is told to, and says what stopped it', async () => {
    const { chat } = await start();
    const { body } = await chat({ n: 2, seed: 2 ** 53 - 1, stop: ['/1', ' ok'], max_tokens: 50 });
    expect(body.choices).toMatchObject([
      {
        index: 0,
        message: { role: 'assistant', content: '9007199254740991/0' },
        finish_reason: 'stop',
        stop_reason: ' ok',
      },
      { index: 1, message: { content: '9007199254740991' }, stop_reason: '/1' },
    ]);
    expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens);
  });

  it('cuts at the limit of tokens', async () => {
    const { chat } = await start({ brain: { write: async () => [long] } });
    const { body } = await chat({ max_tokens: 3 });
    expect(body.choices[0]).toMatchObject({ finish_reason: 'length', stop_reason: null });
    expect(body.usage.completion_tokens).toBe(3);
    expect(long.startsWith(body.choices[0]!.message.content)).toBe(true);
  });

  it.each([
    [{ continue_final_message: true, add_generation_prompt: true }, 400, 'Cannot set both'],
    [{ continue_final_message: true }, 400, 'Cannot set both'],
    [{ top_logprobs: 3 }, 400, '`logprobs` must be set'],
    [{ logprobs: true, top_logprobs: 21 }, 400, 'greater than max allowed: 20'],
    [{ logprob_token_ids: [10] }, 400, '`logprobs` must be set'],
    [{ stream_options: { include_usage: true } }, 400, 'stream=True'],
    [{ model: 'other' }, 404, 'does not exist'],
    [{ max_tokens: 40_000 }, 400, 'maximum context length is 32768'],
    [{ messages: 'hi' }, 400, 'expected array'],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
        ],
      },
      400,
      'cannot identify image',
    ],
  ])('refuses %o', async (fields, status, message) => {
    const { chat } = await start();
    const { body } = await chat(fields);
    expect(body.error?.message).toContain(message);
    expect(body.error?.code).toBe(status);
  });

  it('passes over fields that it does not know', async () => {
    const { chat } = await start();
    expect((await chat({ detail: 'high' })).status).toBe(200);
  });

  it('streams what it would have answered', async () => {
    const { post } = await start({ brain: { write: async () => [long, 'no'] } });
    const messages = [{ role: 'user', content: 'hi' }];
    const options = { n: 2, stream: true, stream_options: { include_usage: true } };
    const chunks = readChunks(await (await post('/v1/chat/completions', { messages, ...options })).text());
    const text = (index: number): string =>
      chunks
        .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
        .map(({ delta }) => delta.content ?? '')
        .join('');
    expect([text(0), text(1)]).toEqual([long, 'no']);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(10);
  });

  it('tells how much of a prompt it has seen before', async () => {
    const { chat } = await start();
    const cached = async (content: string): Promise<number | undefined> =>
      (await chat({ messages: [{ role: 'user', content }] })).body.usage.prompt_tokens_details?.cached_tokens;
    const beginning = 'look at this: '.repeat(20);
    expect(await cached(`${beginning}one`)).toBe(0);
    const again = (await cached(`${beginning}two`)) ?? 0;
    expect(again).toBeGreaterThan(50);
    expect(again % 16).toBe(0);
    expect(await cached(`other ${beginning}`)).toBe(0);
  });
});

describe('an OpenAI server', () => {
  it.each([
    [{ top_k: 4 }, 'unknown_parameter'],
    [{ continue_final_message: true }, 'unknown_parameter'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'array_above_max_length'],
    [{ logprobs: true, top_logprobs: 21 }, 'integer_above_max_value'],
    [{ model: 'other' }, 'model_not_found'],
  ])('refuses %o', async (fields, code) => {
    const { chat } = await start({ dialect: 'openai' });
    expect((await chat(fields)).body.error?.code).toBe(code);
  });

  it('has reasoning models refuse sampling', async () => {
    const { chat } = await start({ dialect: 'openai', model: { reasoning: true } });
    const errors = [await chat({ temperature: 0.5 }), await chat({ logprobs: true })].map(({ body }) => body.error);
    expect(errors).toMatchObject([
      { code: 'unsupported_value', param: 'temperature' },
      { code: 'unsupported_parameter', param: 'logprobs' },
    ]);
    expect((await chat({ temperature: 1, max_completion_tokens: 9 })).status).toBe(200);
  });

  it('refuses a wrong key without repeating it', async () => {
    const { chat, post } = await start({ dialect: 'openai', apiKey: 'sk-right' });
    const { status, body } = await chat({});
    expect([status, body.error?.code]).toEqual([401, 'invalid_api_key']);
    const headers = { authorization: 'Bearer sk-right' };
    const right = { model: 'tiny-vl', messages: [{ role: 'user', content: '' }] };
    expect((await post('/v1/chat/completions', right, { headers })).status).toBe(200);
  });

  it('tells its limits, and refuses what is beyond them', async () => {
    let time = 0;
    const quota = { requestsPerMinute: 2, tokensPerMinute: 10_000, now: () => time };
    const { chat, post } = await start({ dialect: 'openai', quota });
    const statuses = [(await chat({})).status, (await chat({})).status, (await chat({})).status];
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await post('/v1/chat/completions', {});
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(refused.headers.get('x-ratelimit-reset-requests')).toBe('1m0s');
    time += 30_000;
    expect((await chat({})).status).toBe(200);
  });
});

describe('faults', () => {
  it.each([
    ['rate-limit', 429],
    ['server-error', 500],
  ] as const)('%s passes after the attempts that it befalls', async (kind, status) => {
    const { chat } = await start({ faults: everyCall(kind, 2) });
    const statuses = [(await chat({})).status, (await chat({})).status, (await chat({})).status];
    expect(statuses).toEqual([status, status, 200]);
    expect(server.requests.map(({ fault }) => fault)).toEqual([kind, kind, null]);
  });

  it('tells of each request once it has ended, in place of keeping it', async () => {
    const ended: [number | null, boolean][] = [];
    const { chat } = await start({
      faults: ({ attempt }) => (attempt === 0 ? 'cut-stream' : null),
      onEnd: ({ status, abandoned }) => ended.push([status, abandoned]),
    });
    await chat({}).catch(() => undefined);
    await chat({});
    await vi.waitFor(() =>
      expect(ended).toEqual([
        [200, true],
        [200, false],
      ]),
    );
    expect(server.requests).toEqual([]);
  });

  it('hangs until the client leaves', async () => {
    const { post } = await start({ faults: everyCall('hang') });
    await expect(post('/v1/chat/completions', {}, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    await expect.poll(() => server.requests[0]?.abandoned).toBe(true);
    expect(server.inFlight).toBe(0);
  });

  it.each([false, true])('cuts the body in the middle (stream: %s)', async (stream) => {
    const { post } = await start({ faults: everyCall('cut-stream') });
    const response = await post('/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }], stream });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it('writes what is no JSON', async () => {
    const { chat } = await start({ faults: everyCall('malformed-json') });
    await expect(chat({})).rejects.toThrow(SyntaxError);
  });

  it('leaves out a choice', async () => {
    const { chat } = await start({ faults: everyCall('wrong-n') });
    expect((await chat({ n: 3 })).body.choices).toHaveLength(2);
  });

  it('leaves out the log-probabilities', async () => {
    const { chat } = await start({ faults: everyCall('missing-logprobs') });
    expect((await chat({ logprobs: true })).body.choices[0]?.logprobs).toBeNull();
  });

  it('filters the text', async () => {
    const { chat } = await start({ faults: everyCall('content-filter', 1) });
    const filtered = { finish_reason: 'content_filter', message: { content: '' } };
    expect((await chat({})).body.choices).toMatchObject([filtered]);
  });
});
