import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLedger } from '@vlprm/core/runtime';
import {
  everyCall,
  startModelServer,
  type Brain,
  type ModelServer,
  type ModelServerOptions,
} from '@vlprm/core/testing';
import { generatePuzzles, presented } from '@vlprm/data/puzzle-world';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { examineEndpoints } from './examine-endpoints.ts';
import { examine } from './examine.ts';
import { createPlatform, type PlatformOptions } from './platform.ts';

const brain: Brain = { write: async ({ n, choices }) => Array.from({ length: n }, () => choices?.[0] ?? 'Blue') };
const prefixes = generatePuzzles({ seed: 1, split: 'test', count: 1 }).map((puzzle) => ({
  ...presented(puzzle),
  steps: [],
}));
const proposing = { n: 1, stop: 'end', seed: 1 } as const;

let cache: string;
const servers: ModelServer[] = [];
beforeEach(async () => (cache = await mkdtemp(join(tmpdir(), 'vlprm-platform-'))));
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await rm(cache, { recursive: true });
});

async function serve(options: Partial<ModelServerOptions> = {}): Promise<ModelServer> {
  const server = await startModelServer({ dialect: 'vllm', brain, ...options });
  servers.push(server);
  return server;
}

function platformOf(url: string, more: object = {}, options: PlatformOptions = {}) {
  const endpoints = { mine: { kind: 'vllm' as const, baseUrl: url, model: 'tiny-vl', ...more } };
  return createPlatform({ config: { endpoints, policy: 'mine' }, env: { XDG_CACHE_HOME: cache }, ...options });
}

test('an endpoint is probed at its first opening, and not again', async () => {
  const server = await serve();
  const first = await platformOf(server.url);
  expect((await first.policy()).name).toBe('tiny-vl');
  expect((await first.endpoints.open('mine')).record.capabilities).toMatchObject({ images: true, n: true });
  const [probed] = await first.spent();
  await first.close();
  expect(probed).toMatchObject({ use: 'probe', model: null });

  const asked = server.requests.length;
  const second = await platformOf(server.url);
  await second.policy();
  expect(server.requests).toHaveLength(asked);
  await second.policy().then((policy) => policy.propose(prefixes, proposing));
  expect(await second.spent()).toMatchObject([
    { use: 'policy', endpoint: 'mine', model: 'tiny-vl', usage: { calls: 1 } },
  ]);
  await second.close();
});

test('a ledger that is given answers again, and its cost counts in the budget', async () => {
  const server = await serve();
  const ledger = createMemoryLedger();
  const platform = await platformOf(server.url, {}, { ledger });
  const policy = await platform.policy();
  await policy.propose(prefixes, proposing);
  expect(platform.spentSoFar().calls).toBe((await platform.spent()).reduce((sum, { usage }) => sum + usage.calls, 0));
  await platform.close();

  const asked = server.requests.length;
  const endpoints = { mine: { kind: 'vllm' as const, baseUrl: server.url, model: 'tiny-vl' } };
  const config = { endpoints, policy: 'mine', budget: { calls: 1 } };
  const spentUp = await createPlatform({ config, ledger, env: { XDG_CACHE_HOME: cache } });
  const again = await spentUp.policy();
  await again.propose(prefixes, proposing);
  await expect(again.propose(prefixes, { ...proposing, seed: 2 })).rejects.toMatchObject({ code: 'ERR_BUDGET' });
  expect(server.requests).toHaveLength(asked);
  await spentUp.close();
});

test('what of an endpoint decides its answers is told, and nothing else', async () => {
  const platform = await platformOf('http://127.0.0.1:1', { timeoutSeconds: 5, sampling: 'greedy' });
  expect(platform.identities(['policy', 'judge'])).toEqual({
    endpoints: { mine: { kind: 'vllm', model: 'tiny-vl', sampling: 'greedy' } },
  });
  expect(platform.identities(['judge'])).toEqual({});
});

test('an examination probes anew, and finds the server of a pool that fails', async () => {
  const [server, other] = [await serve(), await serve({ model: { names: ['another'] } })];
  const platform = await platformOf(server.url, { replicas: [{ baseUrl: other.url }] });
  await platform.endpoints.probe('mine');
  const asked = server.requests.length;
  const { endpoints, checks } = await examineEndpoints(platform);
  expect(server.requests.length).toBeGreaterThan(asked);
  expect(endpoints).toMatchObject([{ name: 'mine', kind: 'vllm', record: { model: 'tiny-vl' } }]);
  expect(checks.map(({ name, status }) => [name, status])).toEqual([
    ['endpoint mine', 'ok'],
    ['endpoint mine can', 'ok'],
    [`endpoint mine at ${other.url}`, 'failed'],
  ]);
  expect(checks[1]?.detail).toMatch(/prefill yes, .*maxImages any number/);
  await platform.close();
});

test('recorded traffic answers whoever has the file, without a key', async () => {
  const server = await serve({ apiKey: 'sk-right-key' });
  const traffic = join(cache, 'traffic.jsonl');
  const own = { kind: 'vllm' as const, baseUrl: server.url, model: 'tiny-vl', apiKeyEnv: 'OWN_KEY' };
  const endpoints = { mine: { ...own, replicas: [{ baseUrl: server.url, apiKeyEnv: 'OTHER_KEY' }] } };
  const keys = { OWN_KEY: 'sk-right-key', OTHER_KEY: 'sk-right-key' };
  const propose = async (more: object, env: PlatformOptions['env'] = {}) => {
    const platform = await createPlatform({ config: { endpoints, policy: 'mine', ...more }, env });
    const { proposals } = await (await platform.policy()).propose(prefixes, proposing);
    await platform.close();
    return proposals;
  };
  const recorded = await propose({ record: traffic }, keys);
  expect(await propose({ replay: traffic })).toEqual(recorded);
});

test('an examination that is interrupted reports nothing', async () => {
  const server = await serve({ faults: everyCall('hang') });
  const controller = new AbortController();
  const platform = await platformOf(server.url, {}, { signal: controller.signal });
  const examining = examine(platform, controller.signal);
  setTimeout(() => controller.abort(), 200);
  await expect(examining).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  await platform.close();
});

test('an endpoint that cannot be used is a failed check with its way out', async () => {
  const server = await serve({ apiKey: 'right' });
  const platform = await platformOf(server.url);
  const { endpoints, checks } = await examineEndpoints(platform);
  expect(endpoints).toMatchObject([{ record: null }]);
  expect(checks).toMatchObject([
    { name: 'endpoint mine', status: 'failed', detail: expect.stringMatching(/^ERR_AUTH/) as string },
  ]);
  await platform.close();
});

test('batches are for those who can wait: nothing else, and no probe, begins one', async () => {
  const server = await serve({ dialect: 'openai' });
  const own = { kind: 'openai', batch: { quietSeconds: 0.01, pollSeconds: 0.002 } };
  const begun = () => server.requests.filter(({ path }) => path === '/v1/batches').length;
  const impatient = await platformOf(server.url, own);
  await examine(impatient);
  await (await impatient.policy()).propose(prefixes, proposing);
  expect(begun()).toBe(0);
  await impatient.close();

  const patient = await platformOf(server.url, own, { batches: true });
  const { proposals } = await (await patient.policy()).propose(prefixes, proposing);
  expect(proposals).toHaveLength(1);
  expect(begun()).toBe(1);
  await patient.close();
});

test('an endpoint whose service has no batch API is refused with the place and the reason', async () => {
  await expect(platformOf('http://127.0.0.1:9', { batch: {} })).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    where: 'endpoints.mine.batch',
    message: expect.stringContaining('openai and azure alone') as string,
  });
});
