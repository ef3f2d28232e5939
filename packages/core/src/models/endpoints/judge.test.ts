import { describe, expect, it } from 'vitest';
import type { Step } from '../../records/index.ts';
import { completion, sendJson, serveLoopback } from './fixtures/loopback.ts';
import { jpeg, prefixOf } from './fixtures/problems.ts';
import { open, png } from './fixtures/requests.ts';
import { createEndpointJudge } from './judge.ts';

const steps: Step[] = [
  { kind: 'perception', text: 'There are 3.' },
  { kind: 'reasoning', text: 'So the answer is 4.' },
];
const RIGHT = '[Reasoning]\n<analysis_1>fine</analysis_1>\n<conclusion>Correct</conclusion>';
const WRONG = '[Reasoning]\n<analysis_1>3 is not 4</analysis_1>\n<conclusion>Incorrect</conclusion>';

describe('a judge behind an endpoint', () => {
  it('reviews every solution, and takes an answer without a verdict for a failed review', async () => {
    const replies: Record<string, string> = { Q0: RIGHT, Q1: WRONG, Q2: 'Looks good to me.' };
    const server = await serveLoopback((response, { body }) => {
      const question = /Q\d/.exec(JSON.stringify(body['messages']))?.[0] ?? '';
      const cut = question === 'Q3';
      sendJson(response, completion([replies[question] ?? RIGHT], cut ? { finish_reason: 'length' } : {}));
    });
    const judge = createEndpointJudge(open({ baseUrl: server.url }));
    const solutions = [0, 1, 2, 3].map((i) => prefixOf({ id: `p${i}`, question: `Q${i}` }, steps));
    const { reviews, usage } = await judge.review(solutions, { seed: 3 });
    expect(reviews).toMatchObject([
      { ok: true, value: { verdicts: [1, 1], firstError: null } },
      { ok: true, value: { verdicts: [1, -1], firstError: 1 } },
      { ok: false, error: { code: 'ERR_ANSWER_MALFORMED' } },
      { ok: false, error: { code: 'ERR_ANSWER_TRUNCATED' } },
    ]);
    expect(usage).toEqual({ calls: 4, promptTokens: 400, completionTokens: 28, usd: null });
  });

  it('shows the images byte for byte before the prompt, draws nothing, and never shows an answer', async () => {
    const server = await serveLoopback((response) => sendJson(response, completion([RIGHT])));
    const judge = createEndpointJudge(open({ baseUrl: server.url }));
    await judge.review([prefixOf({ images: [jpeg, png] }, steps)], { seed: 3 });
    expect(server.requests[0]?.body).toMatchObject({ temperature: 0, max_tokens: 8192, seed: 3 });
    expect(server.requests[0]?.body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${jpeg.toString('base64')}` } },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png.toString('base64')}` } },
          { type: 'text', text: expect.stringContaining('<step_1>So the answer is 4.</step_1>') as string },
        ],
      },
    ]);
  });

  it('samples as it is configured to', async () => {
    const server = await serveLoopback((response) => sendJson(response, completion([RIGHT])));
    const judge = createEndpointJudge(open({ baseUrl: server.url }), { sampling: { temperature: 0.6, topP: 0.95 } });
    await judge.review([prefixOf({}, steps)], { seed: 3 });
    expect(server.requests[0]?.body).toMatchObject({ temperature: 0.6, top_p: 0.95, max_tokens: 8192 });
  });

  it('lets one call fail alone, and ends the whole for a refused key', async () => {
    const status: Record<string, number> = { Q1: 500 };
    const server = await serveLoopback((response, { body }) => {
      const question = /Q\d/.exec(JSON.stringify(body['messages']))?.[0] ?? '';
      const failed = status[question];
      if (failed === undefined) sendJson(response, completion([RIGHT]));
      else sendJson(response, { error: { message: 'no' } }, failed);
    });
    const judge = createEndpointJudge(open({ baseUrl: server.url }));
    const solutions = [0, 1].map((i) => prefixOf({ id: `p${i}`, question: `Q${i}` }, steps));
    const { reviews, usage } = await judge.review(solutions, { seed: 3 });
    expect(reviews).toMatchObject([{ ok: true }, { ok: false, error: { code: 'ERR_SERVER_FAILED' } }]);
    expect(usage).toEqual({ calls: 2, promptTokens: null, completionTokens: null, usd: null });
    status['Q1'] = 401;
    await expect(judge.review(solutions, { seed: 4 })).rejects.toMatchObject({ code: 'ERR_AUTH' });
  });
});
