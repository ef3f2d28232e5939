import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startModelServer, type Brain, type ModelServer, type ModelServerOptions } from '@vlprm/core/testing';
import { generatePuzzles } from '@vlprm/data/puzzle-world';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from './run-cli.ts';

const KEY = 'sk-right-key-0123456789';
const WRONG_KEY = 'sk-wrong-key-9876543210';
const folder = mkdtempSync(join(tmpdir(), 'vlprm-bad-input-'));
const image = join(folder, 'puzzle.png');
const servers: ModelServer[] = [];
let nowhere: string;
let files = 0;

const brain: Brain = { write: async ({ n, choices }) => Array.from({ length: n }, () => choices?.[0] ?? 'Blue') };

async function serve(options: Partial<ModelServerOptions> = {}): Promise<string> {
  const server = await startModelServer({ dialect: 'vllm', brain, ...options });
  servers.push(server);
  return server.url;
}

beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  vi.stubEnv('VLPRM_TEST_KEY', WRONG_KEY);
  const [puzzle] = generatePuzzles({ seed: 3, split: 'test', count: 1 });
  writeFileSync(image, puzzle!.png);
  const gone = await startModelServer({ dialect: 'vllm', brain });
  nowhere = gone.url;
  await gone.close();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Solves with a policy behind an endpoint. */
function solveWith(endpoint: object, more: object = {}) {
  const file = join(folder, `models-${files++}.json`);
  const endpoints = { mine: { kind: 'vllm', model: 'tiny-vl', ...endpoint } };
  writeFileSync(file, JSON.stringify({ endpoints, policy: 'mine', ...more }));
  const question = ['--image', image, '--question', 'How many?', '--strategy', 'majority', '--n', '2'];
  return runCli('solve', ...question, '--config', file, '--quiet');
}

const cases: [string, () => Promise<{ endpoint?: object; more?: object }>, string, number, RegExp][] = [
  [
    'a wrong base URL',
    async () => ({ endpoint: { baseUrl: nowhere } }),
    'ERR_ENDPOINT_UNREACHABLE',
    4,
    /endpoint mine at http.*baseUrl/,
  ],
  [
    'a wrong key',
    async () => ({ endpoint: { baseUrl: await serve({ apiKey: KEY }), apiKeyEnv: 'VLPRM_TEST_KEY' } }),
    'ERR_AUTH',
    4,
    /VLPRM_TEST_KEY/,
  ],
  [
    'a key that is not set',
    async () => ({ endpoint: { baseUrl: nowhere, apiKeyEnv: 'VLPRM_NO_SUCH_KEY' } }),
    'ERR_CONFIG',
    2,
    /VLPRM_NO_SUCH_KEY is not set/,
  ],
  [
    'an unknown model',
    async () => ({ endpoint: { baseUrl: await serve(), model: 'huge-vl' } }),
    'ERR_MODEL_UNKNOWN',
    4,
    /huge-vl.*tiny-vl/,
  ],
  [
    'a server of another dialect',
    async () => ({ endpoint: { baseUrl: await serve(), kind: 'ollama' } }),
    'ERR_DIALECT',
    4,
    /kind/,
  ],
  [
    'an image that the model refuses',
    async () => ({ endpoint: { baseUrl: await serve({ model: { images: false } }), capabilities: { images: true } } }),
    'ERR_IMAGE_REFUSED',
    4,
    /image/,
  ],
  [
    'a context overflow',
    async () => ({ endpoint: { baseUrl: await serve({ model: { contextTokens: 100 } }) } }),
    'ERR_CONTEXT_OVERFLOW',
    4,
    /maxTokens|context/,
  ],
  [
    'a negative price',
    async () => ({
      endpoint: { baseUrl: nowhere },
      more: { prices: { 'tiny-vl': { promptUsdPerMillion: -1, completionUsdPerMillion: 0 } } },
    }),
    'ERR_CONFIG',
    2,
    /prices\.tiny-vl\.promptUsdPerMillion/,
  ],
  [
    'a budget in dollars without a price',
    async () => ({ endpoint: { baseUrl: nowhere }, more: { budget: { usd: 1 } } }),
    'ERR_CONFIG',
    2,
    /no price for model "tiny-vl"/,
  ],
  [
    'an unknown endpoint',
    async () => ({ endpoint: { baseUrl: nowhere }, more: { policy: 'yours' } }),
    'ERR_CONFIG',
    2,
    /"yours".*puzzle-world, mine/,
  ],
  [
    'an unknown preset',
    async () => ({ endpoint: { baseUrl: await serve(), sampling: 'qwen9' } }),
    'ERR_CONFIG',
    2,
    /"qwen9".*qwen2\.5-vl/,
  ],
  [
    'an unknown kind',
    async () => ({ endpoint: { baseUrl: nowhere, kind: 'vlm' } }),
    'ERR_CONFIG',
    2,
    /endpoints\.mine\.kind.*docs\/endpoints\.md/,
  ],
];

describe('one line says what to change', () => {
  it.each(cases)('for %s', async (_, given, code, exitCode, words) => {
    const { endpoint = {}, more = {} } = await given();
    const failed = await solveWith(endpoint, more);
    expect(failed.stderr).toMatch(new RegExp(`^error\\[${code}\\]: `));
    expect(failed.stderr).toMatch(words);
    expect(failed.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(failed).toMatchObject({ exitCode, stdout: '' });
    expect(failed.stderr).not.toContain(WRONG_KEY);
  });
});
