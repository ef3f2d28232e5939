import { describe, expect, it } from 'vitest';
import type { Step } from '../../records/index.ts';
import { formatVerification, formatVerificationJson } from '../../text/index.ts';
import { completion, sendJson, serveLoopback, type SeenRequest } from './fixtures/loopback.ts';
import { jpeg, prefixOf } from './fixtures/problems.ts';
import { open, png } from './fixtures/requests.ts';
import { createEndpointJudge } from './judge.ts';

const steps: Step[] = [
  { kind: 'perception', text: 'There are 3.' },
  { kind: 'reasoning', text: 'So the answer is 4.' },
];
const RAMBLING = 'Looks good to me.';

/** The answer in the form that is asked for: steps of a solution of two, up to the first wrong one. */
function verdict({ body }: SeenRequest, firstError: number | null, ofSteps: number = 2): string {
  const analyses = Array.from({ length: firstError === null ? ofSteps : firstError + 1 }, () => 'because');
  const code = /<conclusion_([a-z0-9]{10})>/.exec(JSON.stringify(body['messages']))?.[1];
  if (code === undefined) return formatVerificationJson({ analyses, firstError });
  const shown = Array.from({ length: ofSteps }, (): Step => ({ kind: null, text: 'x' }));
  return formatVerification(shown, { analyses, firstError }, code);
}

const questionOf = ({ body }: SeenRequest): string => /Q\d/.exec(JSON.stringify(body['messages']))?.[0] ?? '';
const TAGS = { capabilities: { jsonSchema: false } };
const FORMS = [
  ['in tags', TAGS],
  ['in JSON', {}],
] as const;

describe.each(FORMS)('a judge behind an endpoint that answers %s', (_, form) => {
  it('reviews every solution, and takes an answer without a verdict for a failed review', async () => {
    const server = await serveLoopback((response, request) => {
      const question = questionOf(request);
      const texts = { Q0: verdict(request, null), Q1: verdict(request, 1), Q2: RAMBLING }[question];
      const cut = question === 'Q3' ? { finish_reason: 'length' } : {};
      sendJson(response, completion([texts ?? verdict(request, null)], cut));
    });
    const judge = createEndpointJudge(open({ baseUrl: server.url, ...form }));
    const solutions = [0, 1, 2, 3].map((i) => prefixOf({ id: `p${i}`, question: `Q${i}` }, steps));
    const { reviews, usage } = await judge.review(solutions, { seed: 3 });
    expect(reviews).toEqual([
      { ok: true, value: { verdicts: [1, 1], firstError: null } },
      { ok: true, value: { verdicts: [1, -1], firstError: 1 } },
      { ok: false, error: expect.objectContaining({ code: 'ERR_ANSWER_MALFORMED', where: 'problem p2' }) as Error },
      { ok: false, error: expect.objectContaining({ code: 'ERR_ANSWER_TRUNCATED' }) as Error },
    ]);
    expect(usage).toEqual({ calls: 8, promptTokens: 800, completionTokens: 56, usd: null });
  });

  it.each([
    ['rambles', RAMBLING, 'no-conclusion: it comes to no conclusion', 'malformed-json'],
    ['answers for a step too many', null, 'no-such-step', 'no-such-step'],
  ])('asks again, three times in all, where the judge %s', async (_name, text, inTags, inJson) => {
    const server = await serveLoopback((response, request) => {
      sendJson(response, completion([text ?? verdict(request, null, 3)]));
    });
    const judge = createEndpointJudge(open({ baseUrl: server.url, ...form }));
    const { reviews, usage } = await judge.review([prefixOf({}, steps)], { seed: 3 });
    const reason = form === TAGS ? inTags : inJson;
    expect(reviews).toMatchObject([{ ok: false, error: { message: expect.stringContaining(reason) as string } }]);
    expect(usage.calls).toBe(3);
  });

  it('counts the answers that it could not read, drawing each anew', async () => {
    const server = await serveLoopback((response, request, index) => {
      sendJson(response, completion([index < 2 ? RAMBLING : verdict(request, 1)]));
    });
    const judge = createEndpointJudge(open({ baseUrl: server.url, ...form }));
    const { reviews, usage } = await judge.review([prefixOf({}, steps)], { seed: 3 });
    expect(reviews).toEqual([{ ok: true, value: { verdicts: [1, -1], firstError: 1, unreadable: 2 } }]);
    expect(usage).toEqual({ calls: 3, promptTokens: 300, completionTokens: 21, usd: null });
    const [first, ...others] = server.requests.map(({ body }) => body);
    expect(first).toMatchObject({ temperature: 0, seed: 3 });
    for (const other of others)
      expect(other).toMatchObject({ ...first, temperature: 0.3, seed: expect.any(Number) as number });
    expect(new Set([first, ...others].map((body) => body?.['seed'])).size).toBe(3);
  });

  it('asks the same for the same solution and seed', async () => {
    const answer = async (seed: number): Promise<unknown[]> => {
      const server = await serveLoopback((response, request, index) => {
        sendJson(response, completion([index === 0 ? RAMBLING : verdict(request, 0)]));
      });
      const judge = createEndpointJudge(open({ baseUrl: server.url, ...form }));
      await judge.review([prefixOf({}, steps)], { seed });
      return server.requests.map(({ body }) => body);
    };
    const [once, again, other] = await Promise.all([answer(3), answer(3), answer(4)]);
    expect(again).toEqual(once);
    expect(other).not.toEqual(once);
  });

  it('shows the images byte for byte before the prompt, draws nothing, and never shows an answer', async () => {
    const server = await serveLoopback((response, request) => sendJson(response, completion([verdict(request, null)])));
    const judge = createEndpointJudge(open({ baseUrl: server.url, ...form }));
    await judge.review([prefixOf({ images: [jpeg, png] }, steps)], { seed: 3 });
    expect(server.requests[0]?.body).toMatchObject({ temperature: 0, max_tokens: 8192, seed: 3 });
    expect(server.requests[0]?.body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${jpeg.toString('base64')}` } },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png.toString('base64')}` } },
          { type: 'text', text: expect.stringContaining('<step_2>So the answer is 4.</step_2>') as string },
        ],
      },
    ]);
  });

  it('lets one call fail alone, and ends the whole for a refused key', async () => {
    const status: Record<string, number> = { Q1: 500 };
    const server = await serveLoopback((response, request) => {
      const failed = status[questionOf(request)];
      if (failed === undefined) sendJson(response, completion([verdict(request, null)]));
      else sendJson(response, { error: { message: 'no' } }, failed);
    });
    const judge = createEndpointJudge(open({ baseUrl: server.url, ...form }));
    const solutions = [0, 1].map((i) => prefixOf({ id: `p${i}`, question: `Q${i}` }, steps));
    const { reviews, usage } = await judge.review(solutions, { seed: 3 });
    expect(reviews).toMatchObject([{ ok: true }, { ok: false, error: { code: 'ERR_SERVER_FAILED' } }]);
    expect(usage).toEqual({ calls: 2, promptTokens: null, completionTokens: null, usd: null });
    status['Q1'] = 401;
    await expect(judge.review(solutions, { seed: 4 })).rejects.toMatchObject({ code: 'ERR_AUTH' });
  });
});

describe('a judge behind an endpoint', () => {
  it('asks for JSON where the server holds to a schema, else for tags', async () => {
    for (const [kind, jsonSchema] of [
      ['vllm', true],
      ['openai-compatible', false],
    ] as const) {
      const server = await serveLoopback((response, request) =>
        sendJson(response, completion([verdict(request, null)])),
      );
      const judge = createEndpointJudge(open({ kind, baseUrl: server.url }));
      const { reviews } = await judge.review([prefixOf({ images: [] }, steps)], { seed: 3 });
      expect(reviews).toMatchObject([{ ok: true, value: { firstError: null } }]);
      const format = server.requests[0]?.body['response_format'];
      if (jsonSchema) expect(format).toMatchObject({ type: 'json_schema', json_schema: { strict: true } });
      else expect(format).toBeUndefined();
    }
  });

  it('samples as it is configured to, and asks as often', async () => {
    const server = await serveLoopback((response) => sendJson(response, completion([RAMBLING])));
    const sampling = { temperature: 0.6, topP: 0.95 };
    const judge = createEndpointJudge(open({ baseUrl: server.url }), { sampling, attempts: 2 });
    await judge.review([prefixOf({}, steps)], { seed: 3 });
    expect(server.requests).toHaveLength(2);
    for (const { body } of server.requests)
      expect(body).toMatchObject({ temperature: 0.6, top_p: 0.95, max_tokens: 8192 });
  });

  it('does not ask again for an answer that a filter withheld', async () => {
    const server = await serveLoopback((response) =>
      sendJson(response, completion([''], { finish_reason: 'content_filter' })),
    );
    const judge = createEndpointJudge(open({ baseUrl: server.url }));
    const { reviews, usage } = await judge.review([prefixOf({}, steps)], { seed: 3 });
    expect(reviews).toMatchObject([{ ok: false, error: { code: 'ERR_CONTENT_FILTER' } }]);
    expect(usage.calls).toBe(1);
  });
});
