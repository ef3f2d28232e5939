import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { createMemoryLedger } from '../../runtime/ledger.ts';
import { ServiceError } from '../../runtime/gateway/index.ts';
import { imageHash } from '../image.ts';
import type { EndpointCapabilities } from './capabilities.ts';
import type { ChatRequest } from './chat.ts';
import { endpointSchema, type EndpointConfig, type EndpointConfigInput } from './endpoint-config.ts';
import {
  findLlamaServer,
  findPython,
  makeTinyVlm,
  startLlamaServer,
  startTransformers,
  TINY_VLM,
  type ModelServer,
} from './fixtures/model-servers.ts';
import type { ModelService } from './model-service.ts';
import { probeEndpoint } from './probe/index.ts';
import { openModelService } from './service.ts';

const START_MS = 180_000;

type ServerName = 'transformers serve' | 'llama.cpp';

const python = findPython();
const llamaServer = findLlamaServer();
const folder = mkdtempSync(join(tmpdir(), 'vlprm-models-'));
const servers = new Map<ServerName, ModelServer>();
const images = new Map<string, Uint8Array>();

beforeAll(async () => {
  if (!('path' in python)) return;
  await makeTinyVlm(python.path, folder);
  const started = [startTransformers(python.path, folder).then((server) => servers.set('transformers serve', server))];
  if ('path' in llamaServer)
    started.push(startLlamaServer(llamaServer.path, folder).then((server) => servers.set('llama.cpp', server)));
  await Promise.all(started);
}, START_MS);

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** Skips the test where the server cannot run. */
function endpoint(context: TestContext, name: ServerName, changes: Partial<EndpointConfigInput> = {}): EndpointConfig {
  for (const program of name === 'llama.cpp' ? [python, llamaServer] : [python])
    if ('reason' in program) context.skip(program.reason);
  return endpointSchema.parse({
    kind: name === 'llama.cpp' ? 'llama.cpp' : 'openai-compatible',
    baseUrl: servers.get(name)!.url,
    model: TINY_VLM,
    maxAttempts: 1,
    ...changes,
  });
}

function openWith(config: EndpointConfig, probed: Partial<EndpointCapabilities>): ModelService {
  return openModelService(config, { endpoint: 'policy', env: {}, ledger: createMemoryLedger(), probed });
}

function open(context: TestContext, name: ServerName, changes?: Partial<EndpointConfigInput>): ModelService {
  const probed = name === 'transformers serve' ? { images: true, stop: false } : {};
  return openWith(endpoint(context, name, changes), probed);
}

function request(text: string, changes: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [{ role: 'user', content: [{ type: 'text', text }] }],
    n: 1,
    seed: null,
    sampling: { temperature: 0, topP: null, topK: null, minP: null, repetitionPenalty: null, maxTokens: 24 },
    stop: [],
    continueFinal: false,
    topLogprobs: 0,
    labelTokenIds: null,
    choices: null,
    ...changes,
  };
}

function drawing(changes: Partial<ChatRequest['sampling']>): ChatRequest {
  const plain = request('Hello');
  return { ...plain, sampling: { ...plain.sampling, ...changes } };
}

const context = { stage: 'call/policy', affinity: 'problem', images };

async function textOf(service: ModelService, asked: ChatRequest): Promise<string> {
  return (await service.chat(asked, context)).answer.choices[0]!.text;
}

/** Code of the error that the request ends in. */
function codeOf(service: ModelService, asked: ChatRequest): Promise<unknown> {
  return service.chat(asked, context).then(
    () => 'no error',
    (error: unknown) => (error instanceof ServiceError ? error.code : error),
  );
}

/** A message with an image before its text. */
function withImageOf(bytes: Uint8Array): Partial<ChatRequest> {
  const sha256 = imageHash(bytes);
  images.set(sha256, bytes);
  const image = { type: 'image', sha256, mime: 'image/png' } as const;
  return { messages: [{ role: 'user', content: [image, { type: 'text', text: 'Hello' }] }] };
}

function paint(background: string): Promise<Uint8Array> {
  return sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .png()
    .toBuffer();
}

const withColour = async (colour: string): Promise<Partial<ChatRequest>> => withImageOf(await paint(colour));

describe.each<ServerName>(['transformers serve', 'llama.cpp'])('%s', (name) => {
  test('answers, counts tokens and is asked once', async (test) => {
    const service = open(test, name);
    const first = await service.chat(request('Hello'), context);
    expect(first.answer.choices[0]).toMatchObject({ finish: 'length', tokens: 24 });
    expect(first.answer.choices[0]!.text).toMatch(/^[ -~\n]{20,}$/);
    expect(first).toMatchObject({ usage: { calls: 1, promptTokens: 21, completionTokens: 24 }, source: 'service' });
    expect(await service.chat(request('Hello'), context)).toMatchObject({ answer: first.answer, source: 'ledger' });
  });

  test('draws several choices, the same ones for the same seed', async (test) => {
    const drawn = { ...drawing({ temperature: 1 }), n: 3, seed: 2 ** 40 + 1 };
    const [one, two] = [open(test, name), open(test, name)];
    const { answer, usage } = await one.chat(drawn, context);
    expect(new Set(answer.choices.map(({ text }) => text)).size).toBe(3);
    expect(usage).toMatchObject({
      calls: 3,
      completionTokens: answer.choices.reduce((sum, { tokens }) => sum + tokens!, 0),
    });
    expect((await two.chat(drawn, context)).answer).toEqual(answer);
  });

  test('sees the image', async (test) => {
    const service = open(test, name);
    const [red, blue] = [await withColour('red'), await withColour('blue')];
    const { answer, usage } = await service.chat(request('', red), context);
    expect(usage.promptTokens).toBeGreaterThan(21);
    expect(await textOf(service, request('', blue))).not.toBe(answer.choices[0]!.text);
  });

  test('streams the same answer', async (test) => {
    const [whole, streamed] = [open(test, name), open(test, name, { stream: true })];
    const { answer, usage } = await whole.chat(request('Hello'), context);
    expect(await streamed.chat(request('Hello'), context)).toMatchObject({ answer, usage });
  });

  test('ends before a stop text', async (test) => {
    const service = open(test, name);
    const whole = await textOf(service, request('Hello'));
    const stop = whole.slice(8, 10);
    const { answer } = await service.chat(request('Hello', { stop: [stop] }), context);
    expect(answer.choices[0]).toMatchObject({ text: whole.slice(0, whole.indexOf(stop)), finish: 'stop' });
  });

  test('goes on where the assistant was, or says that it cannot', async (test) => {
    const service = open(test, name);
    const whole = await textOf(service, request('Hello'));
    const said = { role: 'assistant', content: [{ type: 'text', text: whole.slice(0, 5) }] } as const;
    const rest = request('', { messages: [...request('Hello').messages, said], continueFinal: true });
    if (service.capabilities.prefill) {
      const continued = await textOf(service, rest);
      expect(continued.startsWith(whole.slice(5))).toBe(true);
    } else {
      await expect(service.chat(rest, context)).rejects.toMatchObject({ code: 'ERR_CAPABILITY_MISSING' });
    }
  });

  test('gives log-probabilities of an image and a question, or says that it has none', async (test) => {
    const service = open(test, name, { capabilities: { topLogprobs: 20 } });
    const answered = service.chat(request('', { ...(await withColour('red')), topLogprobs: 3 }), context);
    if (name === 'transformers serve') {
      await expect(answered).rejects.toMatchObject({ code: 'ERR_ANSWER_MALFORMED' });
      return;
    }
    const written = (await answered).answer.choices[0]!.logprobs!;
    expect(written).toHaveLength(24);
    for (const { logprob, top } of written) {
      expect(top).toHaveLength(3);
      expect(logprob).toBeCloseTo(top[0]!.logprob, 5);
    }
  });

  test('is found out by a probe', async (test) => {
    const { capabilities } = await probeEndpoint(endpoint(test, name), { open: openWith });
    expect(capabilities).toMatchObject(
      name === 'transformers serve'
        ? { prefill: false, topLogprobs: 0, images: true, maxImages: null, n: false, stop: false, sampling: true }
        : { prefill: true, topLogprobs: 20, images: true, maxImages: null, n: false, stop: true, sampling: true },
    );
    expect(capabilities).toMatchObject({ labelLogprobs: false, structuredOutput: name === 'llama.cpp' });
  });

  test('refuses each in its own way', async (test) => {
    const service = open(test, name);
    const lost = open(test, name, { baseUrl: `${servers.get(name)!.url}/api` });
    expect(await codeOf(lost, request('Hello'))).toBe('ERR_DIALECT');
    const broken = request('', withImageOf((await paint('red')).subarray(0, 40)));
    if (name === 'transformers serve') {
      expect(await codeOf(open(test, name, { model: 'other' }), request('Hello'))).toBe('ERR_MODEL_UNKNOWN');
      expect(await codeOf(service, drawing({ topK: 5 }))).toBe('ERR_CAPABILITY_MISSING');
      expect(await codeOf(service, broken)).toBe('ERR_SERVER_FAILED');
    } else {
      expect(await codeOf(service, request('long '.repeat(1000)))).toBe('ERR_CONTEXT_OVERFLOW');
      expect(await codeOf(service, broken)).toBe('ERR_IMAGE_REFUSED');
    }
  });
});

test('both servers write what the model would', async (test) => {
  const [one, two] = [open(test, 'transformers serve'), open(test, 'llama.cpp')];
  expect(await textOf(one, request('Hi'))).toBe(await textOf(two, request('Hi')));
});
