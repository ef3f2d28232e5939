import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Step } from '../../records/index.ts';
import { ServiceError } from '../../runtime/gateway/index.ts';
import { imageHash } from '../image.ts';
import type { ChatRequest } from './chat.ts';
import { prmSchema } from './endpoint-config.ts';
import { openAt, REAL_SERVERS, useRealServers } from './fixtures/real-endpoints.ts';
import { prefixOf } from './fixtures/problems.ts';
import { createEndpointJudge } from './judge.ts';
import type { ModelService } from './model-service.ts';
import { createEndpointPolicy } from './policy.ts';
import { probeEndpoint } from './probe/index.ts';
import { labelledMessages, prmConversation } from './prm/conversation.ts';
import { createEndpointPrm } from './prm/endpoint-prm.ts';

const real = useRealServers();
const images = new Map<string, Uint8Array>();

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

describe.each(REAL_SERVERS)('%s', (name) => {
  test('answers, counts tokens and is asked once', async (test) => {
    const service = real.open(test, name);
    const first = await service.chat(request('Hello'), context);
    expect(first.answer.choices[0]).toMatchObject({ finish: 'length', tokens: 24 });
    expect(first.answer.choices[0]!.text).toMatch(/^[ -~\n]{20,}$/);
    expect(first).toMatchObject({ usage: { calls: 1, promptTokens: 21, completionTokens: 24 }, source: 'service' });
    expect(await service.chat(request('Hello'), context)).toMatchObject({ answer: first.answer, source: 'ledger' });
  });

  test('draws several choices, the same ones for the same seed', async (test) => {
    const drawn = { ...drawing({ temperature: 1 }), n: 3, seed: 2 ** 40 + 1 };
    const [one, two] = [real.open(test, name), real.open(test, name)];
    const { answer, usage } = await one.chat(drawn, context);
    expect(new Set(answer.choices.map(({ text }) => text)).size).toBe(3);
    expect(usage).toMatchObject({
      calls: 3,
      completionTokens: answer.choices.reduce((sum, { tokens }) => sum + tokens!, 0),
    });
    expect((await two.chat(drawn, context)).answer).toEqual(answer);
  });

  test('sees the image', async (test) => {
    const service = real.open(test, name);
    const [red, blue] = [await withColour('red'), await withColour('blue')];
    const { answer, usage } = await service.chat(request('', red), context);
    expect(usage.promptTokens).toBeGreaterThan(21);
    expect(await textOf(service, request('', blue))).not.toBe(answer.choices[0]!.text);
  });

  test('streams the same answer', async (test) => {
    const [whole, streamed] = [real.open(test, name), real.open(test, name, { stream: true })];
    const { answer, usage } = await whole.chat(request('Hello'), context);
    expect(await streamed.chat(request('Hello'), context)).toMatchObject({ answer, usage });
  });

  test('ends before a stop text', async (test) => {
    const service = real.open(test, name);
    const whole = await textOf(service, request('Hello'));
    const stop = whole.slice(8, 10);
    const { answer } = await service.chat(request('Hello', { stop: [stop] }), context);
    expect(answer.choices[0]).toMatchObject({ text: whole.slice(0, whole.indexOf(stop)), finish: 'stop' });
  });

  test('goes on where the assistant was, or says that it cannot', async (test) => {
    const service = real.open(test, name);
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
    const service = real.open(test, name, { capabilities: { topLogprobs: 20 } });
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
    const { capabilities } = await probeEndpoint(real.config(test, name), { open: openAt });
    expect(capabilities).toMatchObject(
      name === 'transformers serve'
        ? { prefill: false, topLogprobs: 0, images: true, maxImages: null, n: false, stop: false, sampling: true }
        : { prefill: true, topLogprobs: 20, images: true, maxImages: null, n: false, stop: true, sampling: true },
    );
    const held = name === 'llama.cpp';
    expect(capabilities).toMatchObject({ labelLogprobs: false, structuredOutput: held, jsonSchema: held });
  });

  test('refuses each in its own way', async (test) => {
    const service = real.open(test, name);
    const lost = real.open(test, name, { baseUrl: `${real.config(test, name).baseUrl}/api` });
    expect(await codeOf(lost, request('Hello'))).toBe('ERR_DIALECT');
    const broken = request('', withImageOf((await paint('red')).subarray(0, 40)));
    if (name === 'transformers serve') {
      expect(await codeOf(real.open(test, name, { model: 'other' }), request('Hello'))).toBe('ERR_MODEL_UNKNOWN');
      expect(await codeOf(service, drawing({ topK: 5 }))).toBe('ERR_CAPABILITY_MISSING');
      expect(await codeOf(service, broken)).toBe('ERR_SERVER_FAILED');
    } else {
      expect(await codeOf(service, request('long '.repeat(1000)))).toBe('ERR_CONTEXT_OVERFLOW');
      expect(await codeOf(service, broken)).toBe('ERR_IMAGE_REFUSED');
    }
  });
});

test('both servers write what the model would', async (test) => {
  const [one, two] = [real.open(test, 'transformers serve'), real.open(test, 'llama.cpp')];
  expect(await textOf(one, request('Hi'))).toBe(await textOf(two, request('Hi')));
});

const A_STEP: Step = { kind: 'reasoning', text: '3 + 4 = 7.' };

describe.each(REAL_SERVERS)('a random model behind %s', (name) => {
  test.for(['tagged', 'paragraphs', 'numbered'] as const)('is no policy by %s steps', async (steps, test) => {
    const sampling = { temperature: 1, maxTokens: 64 };
    const policy = createEndpointPolicy(real.open(test, name), { steps, sampling });
    const drawn = await Promise.all(
      (['step', 'end'] as const).map((stop) =>
        policy.propose([prefixOf({}), prefixOf({}, [A_STEP])], { n: 2, stop, seed: 3 }),
      ),
    );
    const samples = drawn.flatMap(({ proposals }) => proposals.flat());
    expect(samples).toHaveLength(8);
    for (const sample of samples) {
      if (sample.ok) expect(sample.value).toMatchObject({ finalAnswer: null });
      else expect(sample.error).toMatchObject({ code: 'ERR_ANSWER_TRUNCATED' });
    }
  });

  test('is no judge', async (test) => {
    const judge = createEndpointJudge(real.open(test, name), { sampling: { maxTokens: 64 } });
    const { reviews } = await judge.review([prefixOf({}, [A_STEP])], { seed: 3 });
    expect(reviews).toMatchObject([
      { ok: false, error: { code: expect.stringMatching(/^ERR_ANSWER_(TRUNCATED|MALFORMED)$/) as string } },
    ]);
  });
});

test('a PRM behind llama.cpp has the scores of the model, or bounds of them', async (test) => {
  const letters = Array.from({ length: 75 }, (_, i) => String.fromCharCode(48 + i));
  const solution = prefixOf({ images: [] }, [A_STEP]);
  const scored = letters.slice(1).map(async (negative, i) => {
    const prm = { labels: { positive: letters[i]!, negative }, instruction: 'Judge each step.' };
    const endpoint = real.config(test, 'llama.cpp', { prm });
    const { scores } = await createEndpointPrm(openAt(endpoint, {}), endpoint).scoreSteps([solution]);
    return scores[0]!;
  });
  const config = prmSchema.parse({ instruction: 'Judge each step.' });
  const conversation = JSON.stringify(labelledMessages(prmConversation(solution, config), 1, 'open', ''));
  const [results, printed] = await Promise.all([
    Promise.allSettled(scored),
    real.runOnModel('first_logprobs.py', letters, conversation),
  ]);
  const truth = JSON.parse(printed) as number[];
  const seen = new Set<string>();
  results.forEach((result, i) => {
    const [positive, negative] = [truth[i]!, truth[i + 1]!];
    if (result.status === 'rejected') {
      expect(result.reason).toMatchObject({ code: 'ERR_LABEL_MISSING' });
      seen.add('missing');
    } else if (result.value.bounds === undefined) {
      expect(result.value.logits[0]).toBeCloseTo(positive - negative, 2);
      expect(result.value.mass![0]).toBeCloseTo(Math.exp(positive) + Math.exp(negative), 3);
      seen.add('exact');
    } else {
      const [bound] = result.value.bounds;
      expect(bound! * (positive - negative - result.value.logits[0]!)).toBeGreaterThan(0);
      seen.add(bound === 1 ? 'lower bound' : 'upper bound');
    }
  });
  expect(seen).toEqual(new Set(['missing', 'exact', 'lower bound', 'upper bound']));
});
