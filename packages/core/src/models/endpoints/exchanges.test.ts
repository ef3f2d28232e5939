import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readAnswer } from './dialects/answer-json.ts';
import { sendJson, serveLoopback } from './fixtures/loopback.ts';
import { context, open, png, pngHash } from './fixtures/requests.ts';
import type { Exchange } from './model-service.ts';

const rewards = z.object({ data: z.array(z.number()) });

function pooling(extra: Record<string, string> = {}): Exchange<number[]> {
  return {
    path: '/pooling',
    body: { ...extra, input: 'a step', pictures: [{ image: { sha256: pngHash, mime: 'image/png' }, as: 'base64' }] },
    estimate: { promptTokens: 10, completionTokens: 0 },
    answerSchema: z.array(z.number()),
    read: (response) => ({
      answer: readAnswer(rewards, response).data,
      usage: { calls: 1, promptTokens: 4, completionTokens: 0, usd: null },
    }),
  };
}

describe('exchanges outside of chat', () => {
  it('go to their path from the root of the server, with images filled in and the fields of the configuration', async () => {
    const { url, requests } = await serveLoopback((response) => sendJson(response, { data: [0.5, 0.25] }));
    const service = open({ baseUrl: `${url}/v1/`, extraBody: { priority: 3 } });
    const first = await service.post(pooling(), context);
    expect(first).toEqual({
      answer: [0.5, 0.25],
      usage: { calls: 1, promptTokens: 4, completionTokens: 0, usd: null },
      source: 'service',
    });
    expect(requests[0]).toMatchObject({
      path: '/pooling',
      body: { input: 'a step', pictures: [png.toString('base64')], priority: 3 },
    });
    expect((await service.post(pooling(), context)).source).toBe('ledger');
    expect(requests).toHaveLength(1);
  });

  it("carry the replica's own name of the model where they carry one", async () => {
    const { url, requests } = await serveLoopback((response) => sendJson(response, { data: [] }));
    const replicas = [{ baseUrl: url, model: 'vlm-7b-fp8', weight: 1 }];
    const service = open({ baseUrl: 'http://127.0.0.1:1', weight: 1e-9, replicas });
    await service.post(pooling({ model: 'vlm-7b' }), context);
    expect(requests[0]!.body).toMatchObject({ model: 'vlm-7b-fp8' });
  });

  it('say where an answer is malformed', async () => {
    const { url } = await serveLoopback((response) => sendJson(response, { data: ['high'] }));
    await expect(open({ baseUrl: url }).post(pooling(), context)).rejects.toMatchObject({
      code: 'ERR_ANSWER_MALFORMED',
      message: expect.stringContaining('data.0') as string,
      where: `endpoint policy at ${url}`,
    });
  });

  it('say that the path is not there', async () => {
    const { url } = await serveLoopback((response) => sendJson(response, { detail: 'Not Found' }, 404));
    await expect(open({ baseUrl: url }).post(pooling(), context)).rejects.toMatchObject({
      code: 'ERR_DIALECT',
      fix: expect.stringContaining(`${url}/pooling was called`) as string,
    });
  });
});

describe('a pool of servers', () => {
  it('retries elsewhere, and shows what each server does', async () => {
    const broken = await serveLoopback((response) => sendJson(response, { error: 'CUDA error' }, 500));
    const good = await serveLoopback((response) => sendJson(response, { data: [1] }));
    const replicas = [{ baseUrl: good.url, weight: 1e-9 }];
    const retry = { baseDelayMs: 1 };
    const service = open({ baseUrl: broken.url, replicas, maxAttempts: 2 }, { retry });
    expect((await service.post(pooling(), context)).answer).toEqual([1]);
    expect(service.status().map(({ name, calls, failures }) => ({ name, calls, failures }))).toEqual([
      { name: `endpoint policy at ${broken.url}`, calls: 1, failures: 1 },
      { name: `endpoint policy at ${good.url}`, calls: 1, failures: 0 },
    ]);
  });

  it.each(['127.0.0.1:8000/v1', 'localhost:8000', 'ftp://h/v1'])('takes no server at %j', (baseUrl) => {
    expect(() => open({ baseUrl: 'http://h/v1', replicas: [{ baseUrl }] })).toThrow(/baseUrl/);
    expect(() => open({ baseUrl })).toThrow(/baseUrl/);
  });

  it('may hold one server twice, under two names', () => {
    const service = open({ baseUrl: 'http://h/v1', replicas: [{ baseUrl: 'http://h/v1', model: 'b' }] });
    expect(service.status().map(({ name }) => name)).toEqual([
      'endpoint policy at http://h/v1',
      'endpoint policy at http://h/v1 (2)',
    ]);
  });
});
