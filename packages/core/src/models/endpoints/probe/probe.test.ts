import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createMemoryLedger } from '../../../runtime/index.ts';
import { startModelServer, type Brain, type ModelServer, type ModelServerOptions } from '../../../testing/index.ts';
import { endpointSchema, type EndpointConfigInput } from '../endpoint-config.ts';
import { completion, sendJson, serveLoopback } from '../fixtures/loopback.ts';
import { openModelService } from '../service.ts';
import {
  createCapabilityCache,
  probeEndpoint,
  readServerVersion,
  userCacheFolder,
  type CapabilityRecord,
} from './index.ts';

const brain: Brain = {
  write: async ({ n, choices }) => Array.from({ length: n }, () => choices?.[0] ?? 'Blue'),
};
const servers: ModelServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function probe(
  server: Partial<ModelServerOptions>,
  change: Partial<EndpointConfigInput> = {},
): Promise<CapabilityRecord> {
  const { dialect = 'vllm' } = server;
  const started = await startModelServer({ dialect, brain, ...server });
  servers.push(started);
  const config = endpointSchema.parse({ kind: dialect, baseUrl: started.url, model: 'tiny-vl', ...change });
  return probeConfig(config);
}

function probeConfig(config: ReturnType<typeof endpointSchema.parse>): Promise<CapabilityRecord> {
  const options = { endpoint: 'tiny', env: {} };
  return probeEndpoint(config, {
    open: (own, probed) => openModelService(own, { ...options, ledger: createMemoryLedger(), probed }),
    serverVersion: () => readServerVersion(config, options),
    now: () => new Date(0),
  });
}

it('finds what a vLLM server can do, by calls that it counts', async () => {
  const record = await probe({});
  expect(record).toMatchObject({
    schema: 'vlprm.capabilities/1',
    kind: 'vllm',
    model: 'tiny-vl',
    probedAt: '1970-01-01T00:00:00.000Z',
    capabilities: {
      prefill: true,
      topLogprobs: 20,
      labelLogprobs: true,
      images: true,
      maxImages: null,
      n: true,
      structuredOutput: true,
      jsonSchema: true,
      stopReason: true,
      sampling: true,
    },
  });
  expect(servers[0]?.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(record.calls);
  expect(record.calls).toBeLessThanOrEqual(12);
});

it('finds what it cannot do', async () => {
  const { capabilities, findings } = await probe({ model: { images: false, topLogprobs: 5 } });
  expect(capabilities).toMatchObject({ images: false, topLogprobs: 5 });
  expect(findings).toContainEqual({ capability: 'images', by: 'probed', detail: expect.any(String) as string });
});

it('finds which servers hold answers to a JSON Schema, and which pass it over', async () => {
  for (const dialect of ['openai', 'ollama', 'llama.cpp', 'sglang'] as const) {
    expect((await probe({ dialect })).capabilities.jsonSchema).toBe(true);
    expect((await probe({ dialect, model: { jsonSchema: false } })).capabilities.jsonSchema).toBe(false);
  }
});

it('assumes of a model that thought until it was cut off what servers of its kind can do with a JSON Schema', async () => {
  const { url } = await serveLoopback((response) => sendJson(response, completion([''], { finish_reason: 'length' })));
  const config = endpointSchema.parse({ kind: 'openai', baseUrl: url, model: 'o4-mini' });
  const { capabilities, findings } = await probeConfig(config);
  expect(capabilities.jsonSchema).toBe(true);
  expect(findings).toContainEqual(expect.objectContaining({ capability: 'jsonSchema', by: 'assumed' }));
});

it('reads how many images there may be from the refusal', async () => {
  expect((await probe({ model: { maxImages: 3 } })).capabilities).toMatchObject({ images: true, maxImages: 3 });
});

it('finds no prefill at OpenAI, and no sampling in a reasoning model', async () => {
  expect((await probe({ dialect: 'openai' })).capabilities).toMatchObject({ prefill: false, sampling: true });
  const { capabilities } = await probe({ dialect: 'openai', model: { reasoning: true } });
  expect(capabilities).toMatchObject({ sampling: false, topLogprobs: 0, prefill: false });
});

it('asks nothing that the configuration says', async () => {
  const record = await probe({}, { capabilities: { images: false, n: false } });
  expect(record.capabilities).toMatchObject({ images: false, n: false });
  expect(record.findings).toContainEqual({ capability: 'n', by: 'configured', detail: 'as the configuration says' });
  expect(JSON.stringify(servers[0]?.requests.map(({ body }) => body))).not.toContain('image_url');
});

it('ends in the error of an endpoint that cannot be used at all', async () => {
  await expect(probe({ model: { names: ['other'] } })).rejects.toMatchObject({ code: 'ERR_MODEL_UNKNOWN' });
  await expect(probe({ apiKey: 'secret' })).rejects.toMatchObject({ code: 'ERR_AUTH' });
  const config = endpointSchema.parse({ kind: 'vllm', baseUrl: await closedAddress(), model: 'tiny-vl' });
  await expect(probeConfig(config)).rejects.toMatchObject({ code: 'ERR_ENDPOINT_UNREACHABLE' });
});

async function closedAddress(): Promise<string> {
  const server = await startModelServer({ dialect: 'vllm', brain });
  await server.close();
  return server.url;
}

it('says of a server or steps that it does not take what it takes', () => {
  const endpoint = { kind: 'vllm', baseUrl: 'http://gpu-1:8000', model: 'tiny-vl' };
  const parse = (change: object) => endpointSchema.safeParse({ ...endpoint, ...change }).error?.issues[0]?.message;
  expect(parse({ replicas: [{ baseUrl: 'https://gpu-2:8000' }] })).toBeUndefined();
  expect(parse({ replicas: [{ baseUrl: 'file:///etc/passwd' }] })).toMatch('begins with http://');
  expect(parse({ baseUrl: 'gpu-1:8000' })).toMatch('begins with http://');
  expect(parse({ steps: 'taged' })).toMatch('tagged, paragraphs');
});

it('is kept in a folder, by kind, address and model', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vlprm-cache-'));
  try {
    const record = await probe({});
    const cache = createCapabilityCache(folder);
    expect(await cache.read(record)).toBeNull();
    await cache.write(record);
    expect(await cache.read(record)).toEqual(record);
    expect(await cache.read({ ...record, model: 'other' })).toBeNull();
    const [file = ''] = await readdir(join(folder, 'capabilities'));
    await writeFile(join(folder, 'capabilities', file), '{"schema": "vlprm.capabilities/0"}');
    expect(await cache.read(record)).toBeNull();
    await createCapabilityCache(join(folder, 'capabilities', file)).write(record);
    expect(await readFile(join(folder, 'capabilities', file), 'utf8')).toContain('capabilities/0');
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('is not taken from the cache for what a configuration said that is gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vlprm-cache-'));
  try {
    const record = await probe({}, { capabilities: { images: false } });
    const { kind, baseUrl, model } = record;
    const cache = createCapabilityCache(folder);
    await cache.write(record);
    expect(await cache.read({ kind, baseUrl, model, capabilities: { images: true } })).toEqual(record);
    expect(await cache.read({ kind, baseUrl, model })).toBeNull();
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('has its folder where the user wants caches', () => {
  expect(userCacheFolder({ XDG_CACHE_HOME: '/caches' })).toBe(join('/caches', 'vlprm'));
  expect(userCacheFolder({ XDG_CACHE_HOME: '' })).toMatch(/[/\\]\.cache[/\\]vlprm$/);
});
