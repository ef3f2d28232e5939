import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Step } from '../../../records/index.ts';
import { prmTurns } from '../../../text/index.ts';
import { createScriptedPrm } from '../../scripted-prm.ts';
import type { Brain, ServedRequest } from '../brain.ts';
import { prmBrain } from '../brains/prm-brain.ts';
import { everyCall } from '../fault-plan.ts';
import { wireClient } from '../fixtures/wire-client.ts';
import { tokenize } from '../tokenizer.ts';
import { startModelServer, type ModelServer, type ModelServerOptions } from '../model-server.ts';

const pixel = sharp({ create: { width: 2, height: 2, channels: 3, background: 'blue' } })
  .png()
  .toBuffer();

/** A model that says a word, and remembers what it was asked. */
function listening(): Brain & { readonly heard: ServedRequest[] } {
  const heard: ServedRequest[] = [];
  return {
    heard,
    write: async (request) => {
      heard.push(request);
      return Array.from({ length: request.n }, () => 'yes, indeed');
    },
  };
}

let server: ModelServer;
afterEach(() => server.close());
const start = async (options: ModelServerOptions): Promise<ReturnType<typeof wireClient>> => {
  server = await startModelServer(options);
  return wireClient(server);
};

const steps: Step[] = [
  { kind: null, text: 'one + one - one' },
  { kind: null, text: 'so one' },
];
const scores = [0.8, 0.3];
const prm = prmBrain(createScriptedPrm({ script: (_, i) => scores[i] ?? 0.5 }));
const logit = (p: number): number => Math.log(p) - Math.log1p(-p);
const [first = '', second = ''] = prmTurns('How many?', steps);
/** The turns of a PRM as a client renders them, the last one open. */
const rendered = `<|im_start|>user\n${first}<|im_end|>\n<|im_start|>assistant\n+<|im_end|>\n<|im_start|>user\n${second}<|im_end|>\n<|im_start|>assistant\n`;

const SCHEMA = {
  type: 'object',
  properties: {
    colour: { type: 'string', enum: ['red', 'blue'] },
    count: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
  },
  required: ['colour', 'count'],
  additionalProperties: false,
};
const formatOf = (schema: object) => ({ type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } });

describe('an answer held to a JSON Schema', () => {
  const saying = (text: string): Brain => ({ write: async ({ n }) => Array.from({ length: n }, () => text) });

  it.each(['vllm', 'sglang', 'openai', 'llama.cpp'] as const)('is such JSON behind %s', async (dialect) => {
    const own = '{"count": 3, "colour": "blue"}';
    for (const [text, held] of [
      ['yes', '{"colour":"red","count":0}'],
      [own, own],
    ] as const) {
      const { chat } = await start({ dialect, brain: saying(text) });
      const { body } = await chat({ response_format: formatOf(SCHEMA) });
      expect(body.choices[0]?.message.content).toBe(held);
      await server.close();
    }
  });

  it('is such JSON behind ollama, and any text behind a server that passes it over', async () => {
    const answer = z.object({ message: z.object({ content: z.string() }) });
    const messages = [{ role: 'user', content: 'is it?' }];
    for (const [jsonSchema, text] of [
      [true, '{"colour":"red","count":0}'],
      [false, 'yes'],
    ] as const) {
      const { parsed } = await start({ dialect: 'ollama', brain: saying('yes'), model: { jsonSchema } });
      const { message } = await parsed(answer, '/api/chat', {
        model: 'tiny-vl',
        stream: false,
        messages,
        format: SCHEMA,
      });
      expect(message.content).toBe(text);
      await server.close();
    }
  });

  it('needs a schema that strict mode takes', async () => {
    const { chat } = await start({ dialect: 'openai', brain: saying('yes') });
    for (const schema of [
      { ...SCHEMA, required: ['colour'] },
      { ...SCHEMA, additionalProperties: true },
    ]) {
      const nested = { type: 'array', items: schema };
      const { status, body } = await chat({ response_format: formatOf(nested) });
      expect([status, body.error?.message]).toEqual([
        400,
        expect.stringContaining('Invalid schema for response_format'),
      ]);
    }
  });
});

describe('SGLang', () => {
  const entry = z.tuple([z.number().nullable(), z.int(), z.string().nullable()]);
  const answer = z.object({
    text: z.string(),
    meta_info: z.object({
      output_token_ids_logprobs: z.array(z.array(entry)),
      input_token_logprobs: z.array(entry),
      input_token_ids_logprobs: z.array(z.array(entry).nullable()),
    }),
  });
  const asked = {
    sampling_params: { max_new_tokens: 1, temperature: 0 },
    return_logprob: true,
    token_ids_logprob: [10, 12],
  };
  const difference = (labels: z.infer<typeof entry>[] | null | undefined): number =>
    (labels?.[0]?.[0] ?? NaN) - (labels?.[1]?.[0] ?? NaN);

  it('reports labels by id for the token that it writes', async () => {
    const { parsed } = await start({ dialect: 'sglang', brain: prm });
    const { text, meta_info: info } = await parsed(answer, '/generate', { ...asked, text: rendered });
    expect(text).toBe('-');
    expect(difference(info.output_token_ids_logprobs[0])).toBeCloseTo(logit(0.3), 5);
    expect(info.input_token_logprobs).toEqual([]);
  });

  it('reports labels of the whole prompt in one pass, given as text or as ids', async () => {
    const { parsed, tokens } = await start({ dialect: 'sglang', brain: prm });
    const ids = await tokens({ prompt: rendered });
    const whole = { ...asked, logprob_start_len: 0 };
    const { meta_info: info } = await parsed(answer, '/generate', { ...whole, input_ids: ids });
    expect(info.input_token_logprobs.map(([, id]) => id)).toEqual(ids);
    expect(info.input_token_logprobs[0]?.[0]).toBeNull();
    const header = await tokens({ prompt: '<|im_start|>assistant\n' });
    const at = ids.findIndex((_, i) => header.every((id, k) => ids[i + k] === id)) + header.length;
    expect(ids[at]).toBe(10);
    expect(difference(info.input_token_ids_logprobs[at])).toBeCloseTo(logit(0.8), 5);
    expect(await parsed(answer, '/generate', { ...whole, text: rendered })).toMatchObject({ meta_info: info });
  });

  it('says what stopped a chat, continues where it is asked to, and writes one of the texts of an expression', async () => {
    const brain = listening();
    const { chat } = await start({ dialect: 'sglang', brain });
    const stopped = await chat({ stop: [', '] });
    expect(stopped.body.choices[0]).toMatchObject({ matched_stop: ', ', message: { content: 'yes' } });
    const messages = [
      { role: 'user', content: 'is it?' },
      { role: 'assistant', content: 'I say ' },
    ];
    await chat({ messages, continue_final_message: true });
    expect(brain.heard.at(-1)).toMatchObject({ continueFinal: true, messages: [{}, { text: 'I say ' }] });
    const chosen = await chat({ regex: '(no|yes)' });
    expect(chosen.body.choices[0]).toMatchObject({ matched_stop: 151_645, message: { content: 'yes' } });
  });

  it('names its errors at the top of the body', async () => {
    const { post } = await start({ dialect: 'sglang', brain: prm, model: { contextTokens: 8 } });
    const response = await post('/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] });
    expect(await response.json()).toMatchObject({ object: 'error', code: 400, type: 'BadRequestError' });
  });
});

describe('Azure', () => {
  const legacy = '/openai/deployments/tiny-vl/chat/completions';

  it('serves dated deployments and v1, for either kind of key', async () => {
    const { post } = await start({ dialect: 'azure', brain: listening(), apiKey: 'k' });
    const body = { model: 'tiny-vl', messages: [{ role: 'user', content: 'hi' }] };
    const status = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await post(path, body, { headers })).status;
    expect(await status(`${legacy}?api-version=2024-10-21`, { 'api-key': 'k' })).toBe(200);
    expect(await status('/openai/v1/chat/completions', { authorization: 'Bearer k' })).toBe(200);
    expect(await status('/openai/v1/chat/completions', { 'api-key': 'wrong' })).toBe(401);
    expect(await status(legacy, { 'api-key': 'k' })).toBe(404);
    expect(await status(legacy.replace('tiny-vl', 'other') + '?api-version=2024-10-21', { 'api-key': 'k' })).toBe(404);
  });

  it('refuses what its content filter finds', async () => {
    const { chat } = await start({ dialect: 'azure', brain: listening(), faults: everyCall('content-filter') });
    const { status, body } = await chat({}, `${legacy}?api-version=2024-10-21`);
    expect([status, body.error?.code]).toEqual([400, 'content_filter']);
  });
});

describe('llama.cpp', () => {
  it('continues a last message of the assistant, and narrows seeds to 32 bits', async () => {
    const brain = listening();
    const { chat } = await start({ dialect: 'llama.cpp', brain });
    const messages = [
      { role: 'user', content: 'is it?' },
      { role: 'assistant', content: 'I say ' },
    ];
    await chat({ messages, seed: 2 ** 32 + 5 });
    expect(brain.heard[0]).toMatchObject({ continueFinal: true, generationPrompt: false, seed: 5 });
    expect((await chat({ messages: [...messages, messages[1]] })).status).toBe(400);
    expect((await chat({ n: 2 })).body.error?.message).toContain('Only one completion choice');
  });

  it('writes what its grammar allows, and gives ids with its log-probabilities', async () => {
    const { chat } = await start({ dialect: 'llama.cpp', brain: listening() });
    const { body } = await chat({ grammar: 'root ::= "no" | "yes"', logprobs: true, top_logprobs: 2 });
    expect(body.choices[0]?.message.content).toBe('yes');
    expect(body.choices[0]?.logprobs?.content[0]).toMatchObject({ token: 'yes', id: tokenize('yes')[0]?.id });
  });

  it('completes a rendered prompt with images', async () => {
    const brain = listening();
    const { post, parsed } = await start({ dialect: 'llama.cpp', brain });
    const image = await pixel;
    const url = `data:image/png;base64,${image.toString('base64')}`;
    const messages = [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url } },
          { type: 'text', text: 'A?' },
        ],
      },
    ];
    const { prompt } = await parsed(z.object({ prompt: z.string() }), '/apply-template', { messages });
    expect(prompt).toContain('<__media__>A?');
    const body = { prompt: { prompt_string: prompt, multimodal_data: [image.toString('base64')] }, n_probs: 2 };
    const response = await post('/completion', { ...body, stop: [','] });
    expect(await response.json()).toMatchObject({
      content: 'yes',
      stop_type: 'word',
      stopping_word: ',',
      completion_probabilities: [{ token: 'yes', top_logprobs: [{}, {}] }],
    });
    expect(brain.heard[0]?.messages).toEqual([{ role: 'user', text: 'A?', images: [new Uint8Array(image)] }]);
    expect(brain.heard[0]?.generationPrompt).toBe(true);
  });

  it('fails where it has no eyes', async () => {
    const { post } = await start({ dialect: 'llama.cpp', brain: listening(), model: { images: false } });
    const image = {
      type: 'image_url',
      image_url: { url: `data:image/png;base64,${(await pixel).toString('base64')}` },
    };
    const response = await post('/v1/chat/completions', { messages: [{ role: 'user', content: [image] }] });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: { type: 'server_error' } });
  });
});

describe('Ollama', () => {
  const reply = z.object({
    message: z.object({ content: z.string() }),
    done: z.boolean(),
    done_reason: z.string().optional(),
    prompt_eval_count: z.number().optional(),
    logprobs: z.array(z.object({ token: z.string() })).optional(),
  });
  const user = (content: string, more: object = {}): object => ({ role: 'user', content, ...more });

  it('streams lines unless it is told not to', async () => {
    const { post, parsed } = await start({ dialect: 'ollama', brain: listening() });
    const stream = await (await post('/api/chat', { model: 'tiny-vl', messages: [user('hi')] })).text();
    const lines = stream
      .trim()
      .split('\n')
      .map((text) => reply.parse(JSON.parse(text)));
    expect(lines.map(({ message }) => message.content).join('')).toBe('yes, indeed');
    expect(lines.map(({ done }) => done).lastIndexOf(true)).toBe(lines.length - 1);
    const body = { model: 'tiny-vl', messages: [user('hi')], stream: false, logprobs: true, top_logprobs: 1 };
    const whole = await parsed(reply, '/api/chat', body);
    expect(whole).toMatchObject({
      message: { content: 'yes, indeed' },
      done_reason: 'stop',
      logprobs: ['yes', ',', ' ind', 'eed'].map((token) => ({ token })),
    });
  });

  it('reads raw base64, and no data URLs', async () => {
    const brain = listening();
    const { post } = await start({ dialect: 'ollama', brain });
    const image = (await pixel).toString('base64');
    const status = async (images: string[]): Promise<number> =>
      (await post('/api/chat', { model: 'tiny-vl', messages: [user('A?', { images })], stream: false })).status;
    expect(await status([image])).toBe(200);
    expect(brain.heard[0]?.messages[0]?.images).toEqual([new Uint8Array(await pixel)]);
    expect(await status([`data:image/png;base64,${image}`])).toBe(400);
  });

  it('drops what does not fit its context, and says so in a count alone', async () => {
    const brain = listening();
    const { parsed } = await start({ dialect: 'ollama', brain });
    const messages = [user('a first message '.repeat(20)), { role: 'assistant', content: 'aha' }, user('and now?')];
    const ask = (numCtx: number) =>
      parsed(reply, '/api/chat', { model: 'tiny-vl', messages, stream: false, options: { num_ctx: numCtx } });
    expect((await ask(1000)).prompt_eval_count).toBeGreaterThan(64);
    expect((await ask(64)).prompt_eval_count).toBeLessThanOrEqual(64);
    expect(brain.heard.map((request) => request.messages.length)).toEqual([3, 2]);
  });
});
