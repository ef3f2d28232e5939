import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  findLlamaServer,
  findPython,
  makeTinyVlm,
  startLlamaServer,
  startTransformers,
  TINY_VLM,
  type Found,
  type ModelServer,
} from './fixtures/model-servers.ts';

const START_MS = 180_000;

const python = findPython();
const llama = findLlamaServer();
const folder = mkdtempSync(join(tmpdir(), 'vlprm-models-'));
const servers = new Map<string, ModelServer>();

const needs: Record<string, readonly Found[]> = { 'transformers serve': [python], 'llama.cpp': [python, llama] };

function missing(...found: readonly Found[]): string | null {
  return found.flatMap((program) => ('reason' in program ? [program.reason] : []))[0] ?? null;
}

beforeAll(async () => {
  if (!('path' in python)) return;
  await makeTinyVlm(python.path, folder);
  servers.set('transformers serve', await startTransformers(python.path, folder));
  if ('path' in llama) servers.set('llama.cpp', await startLlamaServer(llama.path, folder));
}, START_MS);

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

function ask(name: string, content: string) {
  const client = new OpenAI({ baseURL: `${servers.get(name)?.url}/v1`, apiKey: 'none' });
  return client.chat.completions.create({
    model: TINY_VLM,
    messages: [{ role: 'user', content }],
    max_completion_tokens: 40,
    temperature: 0,
  });
}

describe.each(Object.entries(needs))('%s', (name, programs) => {
  const reason = missing(...programs);

  test('answers and counts', async (context) => {
    if (reason !== null) context.skip(reason);
    const { choices, usage } = await ask(name, 'Hello');
    expect(choices[0]?.message.content).toMatch(/^[ -~\n]{20,}$/);
    expect(usage).toMatchObject({ prompt_tokens: 21, completion_tokens: 40 });
  });
});

test('both servers write what the model would', async (context) => {
  const reason = missing(python, llama);
  if (reason !== null) context.skip(reason);
  const texts = await Promise.all([...servers.keys()].map(async (name) => (await ask(name, 'Hi')).choices[0]?.message));
  expect(texts[0]?.content).toBe(texts[1]?.content);
});
