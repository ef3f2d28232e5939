import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryLedger } from '../../../runtime/ledger.ts';
import { createRandom } from '../../../runtime/random.ts';
import { everyCall, startModelServer } from '../../../testing/index.ts';
import type { Brain, ModelServer, ModelServerOptions } from '../../../testing/index.ts';
import type { EndpointConfigInput } from '../endpoint-config.ts';
import { context, imageMessage, open, png, pngHash, request } from '../fixtures/requests.ts';
import { exchangeSchema, type RecordedExchange } from './exchange.ts';
import { recordingFetch, type RecordingOptions } from './recording-fetch.ts';
import { replayingFetch } from './replaying-fetch.ts';

const KEY = 'sk-0123456789abcdef';
const brain: Brain = { write: async ({ n, seed }) => Array.from({ length: n }, (_, i) => `draw ${seed ?? i}/${i}`) };

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recording-'));
  file = join(folder, 'traffic.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const recorded = async (): Promise<RecordedExchange[]> => {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return lines.map((line) => exchangeSchema.parse(JSON.parse(line)));
};

describe('through a model service', () => {
  let server: ModelServer;
  afterEach(() => server.close());
  const serve = async (options: Partial<ModelServerOptions> = {}): Promise<void> => {
    server = await startModelServer({ dialect: 'vllm', brain, apiKey: KEY, retryAfterMs: 0, ...options });
  };
  const service = (send: typeof fetch, config: Partial<EndpointConfigInput> = {}) => {
    const endpoint = { baseUrl: server.url, model: 'tiny-vl', apiKeyEnv: 'KEY', ...config };
    const retry = { baseDelayMs: 1 };
    return open(endpoint, { env: { KEY }, fetch: send, ledger: createMemoryLedger(), retry });
  };
  const asked = request({ messages: [imageMessage], n: 2, topLogprobs: 2 });

  it.each([
    ['vllm', false],
    ['vllm', true],
    ['azure', false],
    ['ollama', true],
  ] as const)('%s gives the same answer from the recording (stream: %s)', async (dialect, stream) => {
    await serve({ dialect });
    const config = { kind: dialect, stream };
    const live = await service(await recordingFetch(file), config).chat(asked, context);
    await server.close();
    const again = await service(await replayingFetch(file), config).chat(asked, context);
    expect(again).toEqual(live);
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain(KEY);
    expect(text).not.toContain(png.toString('base64'));
    expect(text).toContain(`"image":{"sha256":"${pngHash}","mime":"image/png","bytes":${png.length}}`);
  });

  it.each(['rate-limit', 'server-error', 'cut-stream', 'malformed-json'] as const)(
    'replays a %s as it was, attempt by attempt',
    async (kind) => {
      await serve({ faults: everyCall(kind, 2) });
      const config = { maxAttempts: 3 };
      const live = await service(await recordingFetch(file), config).chat(asked, context);
      await server.close();
      expect((await recorded()).map(({ response }) => [response?.status, response?.whole])).toHaveLength(3);
      const again = await service(await replayingFetch(file), config).chat(asked, context);
      expect(again.answer).toEqual(live.answer);
      const first = service(await replayingFetch(file), { maxAttempts: 1 }).chat(asked, context);
      await expect(first).rejects.toMatchObject({ name: 'ServiceError' });
    },
  );

  it('says which call a recording does not hold, and asks nobody', async () => {
    await serve();
    await service(await recordingFetch(file)).chat(asked, context);
    const before = server.requests.length;
    const other = service(await replayingFetch(file)).chat(request({ seed: 8 }), context);
    await expect(other).rejects.toMatchObject({
      code: 'ERR_REPLAY_MISSING',
      message: 'the recording has no answer to POST /v1/chat/completions',
    });
    expect(server.requests).toHaveLength(before);
  });

  it('keeps no line of an aborted call', async () => {
    await serve({ faults: everyCall('hang') });
    const controller = new AbortController();
    const asking = service(await recordingFetch(file)).chat(asked, { ...context, signal: controller.signal });
    await expect.poll(() => server.inFlight).toBe(1);
    controller.abort();
    await expect(asking).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(await readFile(file, 'utf8')).toBe('');
  });
});

it('replays a server that was not there', async () => {
  const address = 'http://127.0.0.1:9';
  const config = { baseUrl: address };
  const live = open(config, { fetch: await recordingFetch(file) }).chat(request(), context);
  const code = await live.then(null, (error: unknown) => error);
  const again = open(config, { fetch: await replayingFetch(file) }).chat(request(), context);
  await expect(again).rejects.toMatchObject({ code: (code as { code: string }).code });
});

it('names a recording that is not there, or is none', async () => {
  await expect(replayingFetch(file)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  await expect(recordingFetch(join(import.meta.filename, 'x.jsonl'))).rejects.toMatchObject({
    code: 'ERR_FILE_MALFORMED',
  });
});

describe('redaction', () => {
  const image = (seed: number): Buffer => {
    const random = createRandom(seed);
    return Buffer.concat([
      png.subarray(0, 8),
      Buffer.from(Array.from({ length: 40 + random.int(200) }, () => random.int(256))),
    ]);
  };
  const secret = fc.stringMatching(/^[\x21-\x2b\x2d-\x3a\x3c-\x7e]{12,40}$/).map((text) => `s3cret${text}`);
  const traffic = fc.record({
    key: secret,
    header: fc.constantFrom('authorization', 'api-key', 'x-api-key', 'cookie', 'x-tenant'),
    seeds: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
    raw: fc.boolean(),
    body: fc.jsonValue({ maxDepth: 2 }),
    echo: fc.boolean(),
  });

  const sends =
    (answer: string): typeof fetch =>
    async () =>
      new Response(answer, { headers: { 'content-type': 'application/json', 'set-cookie': 'id=s3cret-session' } });

  test.prop([traffic], { numRuns: 200 })('leaves out every secret and every image', async (drawn) => {
    const { key, header, seeds, raw, body, echo } = drawn;
    const images = seeds.map((seed) => image(seed).toString('base64'));
    const shown = raw ? images : images.map((base64) => `data:image/png;base64,${base64}`);
    const sent = JSON.stringify({
      body,
      shown,
      nested: [{ note: `key ${key}` }],
      password: 'hunter2hunter2',
      mine: 'private-field',
    });
    const value = header === 'authorization' ? `Bearer ${key}` : header === 'cookie' ? `a=b; id=${key}` : key;
    const answer = echo ? JSON.stringify({ error: `no such key ${key}, nor ${shown[0]!}` }) : '{"answer": 4}';
    const options: RecordingOptions = { headers: ['X-Tenant'], fields: ['mine'] };
    const url = `http://models.test/v1/chat?api-version=1&api_key=${encodeURIComponent(key)}`;
    const init = { method: 'POST', headers: { [header]: value }, body: sent };

    const live = await (await recordingFetch(file, { ...options, inner: sends(answer) }))(url, init);
    expect(await live.text()).toBe(answer);
    const text = await readFile(file, 'utf8');
    for (const hidden of [key, JSON.stringify(key).slice(1, -1), encodeURIComponent(key), ...images]) {
      expect(text).not.toContain(hidden);
    }
    expect(text).not.toMatch(/s3cret|hunter2|private-field/);
    expect(text).toContain('api-version=1');

    const replay = await replayingFetch(file, options);
    const again = await replay(url.replace('models.test', 'elsewhere.test'), init);
    if (!echo) expect(await again.text()).toBe(answer);
    const other = { ...init, body: JSON.stringify({ ...(JSON.parse(sent) as object), one: 'more' }) };
    await expect(replay(url, other)).rejects.toMatchObject({ code: 'ERR_REPLAY_MISSING' });
  });

  it('tells requests apart by their images', async () => {
    const shows = (seed: number) => ({
      method: 'POST',
      body: JSON.stringify({ images: [image(seed).toString('base64')] }),
    });
    await (
      await recordingFetch(file, { inner: sends('{}') })
    )('http://models.test/a', shows(1));
    const replay = await replayingFetch(file);
    expect((await replay('http://models.test/a', shows(1))).status).toBe(200);
    await expect(replay('http://models.test/a', shows(2))).rejects.toMatchObject({ code: 'ERR_REPLAY_MISSING' });
  });
});
