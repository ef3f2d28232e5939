import { describe, expect, it } from 'vitest';
import { createMemoryLedger } from '../../runtime/ledger.ts';
import { seedFrom } from '../../runtime/random.ts';
import { completion, sendJson, serveLoopback } from './fixtures/loopback.ts';
import { context, open, request } from './fixtures/requests.ts';

describe('chat', () => {
  it('brings all choices of one call in order, and what they cost', async () => {
    const { url, requests } = await serveLoopback((response, { body }) => {
      const answer = completion(Array.from({ length: body['n'] as number }, (_, i) => `step ${i}`));
      sendJson(response, { ...answer, choices: (answer['choices'] as unknown[]).toReversed() });
    });
    const service = open({ baseUrl: url });
    const { answer, usage, source } = await service.chat(request({ n: 3 }), context);
    expect(answer.choices.map(({ text }) => text)).toEqual(['step 0', 'step 1', 'step 2']);
    expect(answer.choices[0]).toMatchObject({ finish: 'stop', tokens: null, logprobs: null });
    expect(usage).toEqual({ calls: 1, promptTokens: 100, completionTokens: 21, usd: null });
    expect(source).toBe('service');
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: 'POST', path: '/v1/chat/completions', body: { n: 3, seed: 7 } });
  });

  it('asks once a choice where the server gives one at a time, the first alone, each with a seed of its own', async () => {
    let open_ = 0;
    const mostOpen: number[] = [];
    const { url, requests } = await serveLoopback((response, { body }) => {
      open_ += 1;
      setTimeout(() => {
        mostOpen.push(open_);
        open_ -= 1;
        sendJson(response, completion([`seed ${body['seed'] as number}`]));
      }, 20);
    });
    const service = open({ baseUrl: url, kind: 'llama.cpp' });
    const { answer, usage } = await service.chat(request({ n: 4, seed: 11 }), context);
    const seeds = [0, 1, 2, 3].map((i) => seedFrom(11, i) % (2 ** 32 - 1));
    expect(answer.choices.map(({ text }) => text)).toEqual(seeds.map((seed) => `seed ${seed}`));
    expect(answer.choices.map(({ tokens }) => tokens)).toEqual([7, 7, 7, 7]);
    expect(usage).toMatchObject({ calls: 4, promptTokens: 400, completionTokens: 28 });
    expect(mostOpen[0]).toBe(1);
    expect(Math.max(...mostOpen)).toBe(3);
    const one = await service.chat(request({ n: 1, seed: 11 }), context);
    expect(one).toMatchObject({ source: 'ledger', answer: { choices: [{ text: `seed ${seeds[0]!}` }] } });
    expect(requests).toHaveLength(4);
  });

  it('sends the first call about a problem ahead, so that the others find its prefix in the cache', async () => {
    const seen: string[] = [];
    const { url } = await serveLoopback((response, { body }) => {
      const name = `call ${body['seed'] as number}`;
      seen.push(`${name} begins`);
      setTimeout(() => {
        seen.push(`${name} ends`);
        sendJson(response, completion([name]));
      }, 20);
    });
    const service = open({ baseUrl: url }, { pool: { prefixWarmupMs: 30_000 } });
    const ask = (seed: number, affinity: string): Promise<unknown> =>
      service.chat(request({ seed }), { ...context, affinity });
    await Promise.all([ask(1, 'a'), ask(2, 'a'), ask(3, 'a'), ask(4, 'b')]);
    const at = (event: string): number => seen.indexOf(event);
    expect(at('call 4 begins')).toBeLessThan(at('call 1 ends'));
    for (const later of [2, 3]) expect(at(`call ${later} begins`)).toBeGreaterThan(at('call 1 ends'));
  });

  it('gives several choices without a seed by as many calls', async () => {
    const { url, requests } = await serveLoopback((response, _, i) => sendJson(response, completion([`draw ${i}`])));
    const { answer } = await open({ baseUrl: url, kind: 'llama.cpp' }).chat(request({ n: 3, seed: null }), context);
    expect(new Set(answer.choices.map(({ text }) => text)).size).toBe(3);
    expect(requests.every(({ body }) => !('seed' in body))).toBe(true);
  });

  it('takes an answer from the ledger rather than from the server', async () => {
    const { url, requests } = await serveLoopback((response) => sendJson(response, completion(['four'])));
    const ledger = createMemoryLedger();
    await open({ baseUrl: url }, { ledger }).chat(request(), context);
    const again = await open({ baseUrl: url }, { ledger }).chat(request(), context);
    expect(again).toMatchObject({ source: 'ledger', answer: { choices: [{ text: 'four' }] } });
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['a larger n', { n: 2 }],
    ['another seed', { seed: 8 }],
    ['a stop text', { stop: ['\n\n'] }],
    ['other messages', { messages: [] }],
  ])('keeps answers apart by %s', async (_, change) => {
    const { url, requests } = await serveLoopback((response, { body }) =>
      sendJson(response, completion(Array.from({ length: (body['n'] as number | undefined) ?? 1 }, () => 'four'))),
    );
    const service = open({ baseUrl: url });
    await service.chat(request(), context);
    await service.chat(request(change), context);
    expect(requests).toHaveLength(2);
  });
});
