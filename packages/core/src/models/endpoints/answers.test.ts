import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { ChatRequest } from './chat.ts';
import type { EndpointConfigInput } from './endpoint-config.ts';
import { completion, sendJson, serveLoopback } from './fixtures/loopback.ts';
import { context, open, request } from './fixtures/requests.ts';
import type { ModelService } from './model-service.ts';

type Answer = Awaited<ReturnType<ModelService['chat']>>;

/** What a service makes of one response to one request. */
async function ask(
  answer: (response: ServerResponse) => void,
  chat: Partial<ChatRequest> = {},
  config: Partial<EndpointConfigInput> = {},
): Promise<Answer> {
  const { url } = await serveLoopback(answer);
  return open({ baseUrl: url, ...config }).chat(request(chat), context);
}

const json =
  (body: unknown) =>
  (response: ServerResponse): void =>
    sendJson(response, body);

const token = (text: string, logprob: number, top: unknown[] = []): unknown => ({
  token: text,
  logprob,
  bytes: [...Buffer.from(text)],
  top_logprobs: top,
});

describe('answers of the chat completions API', () => {
  it('have log-probabilities, without those that only say that there are none', async () => {
    const content = [token('+', -9999, [token('+', -9999), token('-', 1e-9), token('x', -3)])];
    const { answer } = await ask(json(completion(['+'], { logprobs: { content } })), { topLogprobs: 3 });
    expect(answer.choices[0]!.logprobs).toEqual([
      {
        token: '+',
        id: null,
        logprob: null,
        top: [
          { token: '-', logprob: 0, id: null },
          { token: 'x', logprob: -3, id: null },
        ],
      },
    ]);
  });

  it.each([
    ['of a written token', token('+', 0.97)],
    ['of a likely token', token('+', -0.1, [token('-', 0.03)])],
  ])('are refused where the log-probability %s is none', async (_, content) => {
    const body = completion(['+'], { logprobs: { content: [content] } });
    await expect(ask(json(body), { topLogprobs: 1 })).rejects.toMatchObject({ code: 'ERR_ANSWER_MALFORMED' });
  });

  it('have ids of tokens, as vLLM writes them in their place and llama.cpp beside them', async () => {
    const content = [token('token_id:488', -0.1, [token('token_id:12', -2), { token: '-', logprob: -4, id: 7 }])];
    const { answer } = await ask(
      json(completion(['+'], { logprobs: { content } })),
      { topLogprobs: 1, labelTokenIds: [488, 12] },
      { capabilities: { labelLogprobs: true } },
    );
    const [written] = answer.choices[0]!.logprobs!;
    expect([written!.id, ...written!.top.map(({ id }) => id)]).toEqual([488, 12, 7]);
  });

  it.each([
    ['the stop text that vLLM names', { stop_reason: '\n\n' }, '\n\n'],
    ['none, when vLLM names the token of its end', { stop_reason: 151_645 }, null],
    ['none, when vLLM names nothing', { stop_reason: null }, null],
    ['the stop text that SGLang names', { matched_stop: '\n\n' }, '\n\n'],
    ['none, when it was cut', { stop_reason: null, finish_reason: 'length' }, null],
    ['unknown, when the server does not tell', {}, undefined],
  ])('say what ended them: %s', async (_, marks, stoppedBy) => {
    const { answer } = await ask(json(completion(['a step'], marks)), { stop: ['\n\n'] });
    expect(answer.choices[0]!.stoppedBy).toBe(stoppedBy);
  });

  it('end before a stop text that the server went past', async () => {
    const { answer } = await ask(json(completion(['one\n\ntwo</s>'])), { stop: ['</s>', '\n\n'] });
    expect(answer.choices[0]).toMatchObject({ text: 'one', finish: 'stop', stoppedBy: '\n\n' });
  });

  it.each([
    ['One sheep and', 'One sheep and two', {}, ' two'],
    ['One sheep\n\n', 'One sheep and two', {}, ' and two'],
    ['One sheep and', ' two', {}, ' two'],
    ['One sheep and', 'One sheep and two', { stream: true }, 'One sheep and two'],
  ])(
    'leave out %j, which llama.cpp repeats before what it adds unless it streams',
    async (said, text, config, added) => {
      const begun = { role: 'assistant', content: [{ type: 'text', text: said }] } as const;
      const chat = { messages: [...request().messages, begun], continueFinal: true };
      const { answer } = await ask(json(completion([text])), chat, { kind: 'llama.cpp', ...config });
      expect(answer.choices[0]!.text).toBe(added);
    },
  );

  it('may be filtered one by one; all of them filtered is an error that says what was billed', async () => {
    const [good, bad] = completion(['fine', 'cut'])['choices'] as Record<string, unknown>[];
    const filtered = { ...bad, finish_reason: 'content_filter', message: { role: 'assistant', content: null } };
    const { answer } = await ask(json({ choices: [good, filtered] }), { n: 2 });
    expect(answer.choices.map(({ finish }) => finish)).toEqual(['stop', 'content-filter']);
    const all = ask(json({ ...completion(['x'], { finish_reason: 'content_filter' }) }));
    await expect(all).rejects.toMatchObject({ code: 'ERR_CONTENT_FILTER', usage: { completionTokens: 7 } });
    const refused = { ...good, message: { role: 'assistant', content: null, refusal: 'I cannot help with that.' } };
    await expect(ask(json({ choices: [refused] }))).rejects.toMatchObject({ code: 'ERR_CONTENT_FILTER' });
  });

  it.each([
    ['that are not there', {}],
    ['that are null', { usage: null }],
    ['that are nonsense', { usage: { prompt_tokens: -1, completion_tokens: 'many' } }],
  ])('leave counts unknown %s', async (_, usage) => {
    const { choices } = completion(['four']);
    const answered = await ask(json({ choices, ...usage }));
    expect(answered.usage).toEqual({ calls: 1, promptTokens: null, completionTokens: null, usd: null });
    expect(answered.answer.choices[0]!.tokens).toBeNull();
  });

  it('may be cut before their first word', async () => {
    const message = { role: 'assistant', content: null, reasoning_content: 'hmm' };
    const { answer } = await ask(json(completion(['x'], { message, finish_reason: 'length' })));
    expect(answer.choices[0]).toMatchObject({ text: '', finish: 'length' });
  });

  it.each([
    ['fewer choices than asked for', completion(['x']), { n: 2 }, 'the answer has 1 choices where 2 were asked for'],
    ['more choices than asked for', completion(['x', 'y']), {}, 'the answer has 2 choices where 1 were asked for'],
    [
      'the same choice twice',
      { choices: [0, 0].map(() => (completion(['x'])['choices'] as unknown[])[0]) },
      { n: 2 },
      /2 choices/,
    ],
    ['no log-probabilities', completion(['x']), { topLogprobs: 5 }, /no log-probabilities, which were asked for/],
    ['no text', completion(['x'], { message: { role: 'assistant', content: null } }), {}, 'the answer has no text'],
    [
      'an end that is not known',
      completion(['x'], { finish_reason: 'tired' }),
      {},
      /a reason that is not known: "tired"/,
    ],
    ['another shape', { choices: [{ index: 0, text: 'x' }] }, {}, /choices\.0\.message/],
    ['a text that was not allowed', completion(['maybe']), { choices: ['yes', 'no'] }, /none of the texts/],
  ])('with %s are malformed', async (_, body, chat, message) => {
    await expect(ask(json(body), chat)).rejects.toMatchObject({
      code: 'ERR_ANSWER_MALFORMED',
      retryable: true,
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
      where: expect.stringMatching(/^endpoint policy at http:/) as string,
    });
  });
});

const events = (response: ServerResponse, lines: readonly unknown[], done = true): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const line of lines) response.write(`data: ${JSON.stringify(line)}\n\n`);
  response.end(done ? 'data: [DONE]\n\n' : undefined);
};
const delta = (index: number, content: string, more: Record<string, unknown> = {}): unknown => ({
  choices: [{ index, delta: { content }, finish_reason: null, ...more }],
});

describe('streams', () => {
  const stream = { stream: true };

  it('become the answer that the same call has without a stream', async () => {
    const { url, requests } = await serveLoopback((response) =>
      events(response, [
        { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
        delta(1, 'two ', { logprobs: { content: [token('two ', -1)] } }),
        delta(0, 'one', { logprobs: { content: [token('one', -0.5)] } }),
        delta(1, 'more', { logprobs: { content: [token('more', -2)] } }),
        delta(0, '', { finish_reason: 'stop', stop_reason: '\n\n' }),
        delta(1, '', { finish_reason: 'length', stop_reason: null }),
        { choices: [], usage: { prompt_tokens: 5, completion_tokens: 3 } },
      ]),
    );
    const { answer, usage } = await open({ baseUrl: url, ...stream }).chat(request({ n: 2, topLogprobs: 1 }), context);
    expect(answer.choices).toMatchObject([
      { text: 'one', finish: 'stop', stoppedBy: '\n\n', logprobs: [{ token: 'one', logprob: -0.5 }] },
      { text: 'two more', finish: 'length', stoppedBy: null, logprobs: [{ token: 'two ' }, { token: 'more' }] },
    ]);
    expect(usage).toEqual({ calls: 1, promptTokens: 5, completionTokens: 3, usd: null });
    expect(requests[0]!.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  it('may bring an empty text without a piece of it, as llama.cpp does, but not thoughts alone', async () => {
    const said = (first: Record<string, unknown>) => (response: ServerResponse) =>
      events(response, [
        { choices: [{ index: 0, delta: { role: 'assistant', content: null, ...first }, finish_reason: null }] },
        { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      ]);
    const { answer } = await ask(said({}), {}, stream);
    expect(answer.choices[0]).toMatchObject({ text: '', finish: 'stop' });
    for (const thoughts of [{ reasoning_content: 'hm' }, { reasoning: 'hm' }]) {
      await expect(ask(said(thoughts), {}, stream)).rejects.toMatchObject({ code: 'ERR_ANSWER_MALFORMED' });
    }
  });

  it('may be answered without a stream', async () => {
    const { answer } = await ask(json(completion(['four'])), {}, stream);
    expect(answer.choices[0]!.text).toBe('four');
  });

  it.each([
    ['ends before its end', (r: ServerResponse) => events(r, [delta(0, 'one')], false), 'ERR_CONNECTION_LOST'],
    ['is empty', (r: ServerResponse) => events(r, []), 'ERR_CONNECTION_LOST'],
    [
      'lacks a choice',
      (r: ServerResponse) => events(r, [delta(0, 'x', { finish_reason: 'stop' })]),
      'ERR_ANSWER_MALFORMED',
    ],
    [
      'holds an error',
      (r: ServerResponse) => events(r, [delta(0, 'x'), { error: { message: 'CUDA error', code: 500 } }]),
      'ERR_SERVER_FAILED',
    ],
    [
      'holds an overflow',
      (r: ServerResponse) =>
        events(r, [{ error: { message: "This model's maximum context length is 8 tokens.", code: 400 } }]),
      'ERR_CONTEXT_OVERFLOW',
    ],
    [
      'breaks off',
      (r: ServerResponse) => {
        r.writeHead(200, { 'content-type': 'text/event-stream' });
        r.write(`data: ${JSON.stringify(delta(0, 'one'))}\n\n`, () => r.destroy());
      },
      'ERR_CONNECTION_LOST',
    ],
    [
      'is not JSON',
      (r: ServerResponse) => r.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"choi\n\n'),
      'ERR_ANSWER_MALFORMED',
    ],
  ])('a stream that %s is an error', async (_, answer, code) => {
    await expect(ask(answer, { n: 2 }, stream)).rejects.toMatchObject({ code });
  });
});

describe("Ollama's answers", () => {
  const ollama = { kind: 'ollama' } as const;
  const counts = { done: true, done_reason: 'stop', prompt_eval_count: 40, eval_count: 3 };

  it('bring text, log-probabilities and counts', async () => {
    const body = {
      message: { role: 'assistant', content: '+' },
      logprobs: [token('+', -0.1, [token('-', -3)])],
      ...counts,
    };
    const { answer, usage } = await ask(json(body), { topLogprobs: 2 }, ollama);
    expect(answer.choices).toMatchObject([
      { text: '+', finish: 'stop', tokens: 3, logprobs: [{ top: [{ token: '-' }] }] },
    ]);
    expect(usage).toEqual({ calls: 1, promptTokens: 40, completionTokens: 3, usd: null });
  });

  it('come as lines too', async () => {
    const lines = (whole: boolean) => (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      for (const content of ['fo', 'ur']) response.write(`${JSON.stringify({ message: { content }, done: false })}\n`);
      response.end(whole ? JSON.stringify({ message: { content: '' }, ...counts }) : '{"message":');
    };
    const config = { ...ollama, stream: true };
    expect(await ask(lines(true), {}, config)).toMatchObject({
      answer: { choices: [{ text: 'four', finish: 'stop' }] },
      usage: { promptTokens: 40 },
    });
    await expect(ask(lines(false), {}, config)).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' });
  });

  it('may fail in the middle of the lines', async () => {
    const lines = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify({ message: { content: 'fo' }, done: false })}\n`);
      response.end(`${JSON.stringify({ error: 'model runner has unexpectedly stopped' })}\n`);
    };
    await expect(ask(lines, {}, { ...ollama, stream: true })).rejects.toMatchObject({
      code: 'ERR_SERVER_FAILED',
      message: expect.stringContaining('model runner') as string,
    });
  });

  it.each([
    ['a prompt that fills the context', { prompt_eval_count: 1000 }, 100],
    ['a long prompt of which little was read', { prompt_eval_count: 200 }, 4000],
    ['an answer that was cut by the end of the context', { done_reason: 'length', eval_count: 3 }, 100],
  ])('give away %s', async (_, told, characters) => {
    const body = { message: { content: 'x' }, ...counts, ...told };
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'a'.repeat(characters) }] }] as const;
    const sent = ask(json(body), { messages }, { ...ollama, contextTokens: 1000 });
    await expect(sent).rejects.toMatchObject({
      code: 'ERR_CONTEXT_OVERFLOW',
      fix: expect.stringContaining('contextTokens') as string,
    });
  });
});
