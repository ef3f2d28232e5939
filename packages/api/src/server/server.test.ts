import { createServer as createSocket } from 'node:net';
import { createScriptedPolicy, createScriptedPrm, type ScriptedPolicy } from '@vlprm/core/testing';
import { generatePuzzles } from '@vlprm/data/puzzle-world';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { createClient, wireErrorOf, type Client, type SolveOutput } from '../client/index.ts';
import { createPlatform, type NamedModels, type Platform } from '../platform/index.ts';
import { startServer, type RunningServer } from './server.ts';

const [puzzle] = generatePuzzles({ seed: 1, split: 'test', count: 1 });
const image = Buffer.from(puzzle!.png).toString('base64');
const question = 'Which letter?';

/** A, B, B by turns; A scores .9 and B .3. */
const letters = (): ScriptedPolicy =>
  createScriptedPolicy({
    script: ({ steps }, sample) => {
      const letter = sample % 3 === 0 ? 'A' : 'B';
      const all = [
        { kind: 'perception', text: 'a picture' },
        { kind: 'reasoning', text: `so ${letter}` },
      ] as const;
      return { steps: all.slice(steps.length), finalAnswer: letter };
    },
  });
const grader = () => createScriptedPrm({ script: ({ text }) => (text.includes('B') ? 0.3 : 0.9) });

let open: { server: RunningServer; platform: Platform } | null = null;

async function serve(models: NamedModels, prm: string | null = 'grader'): Promise<{ url: string; client: Client }> {
  const platform = await createPlatform({ config: { policy: 'letters', prm }, runs: '/no/such/folder', models });
  const server = await startServer({ platform, port: 0 });
  open = { server, platform };
  return { url: server.url, client: createClient({ url: server.url }) };
}

const scripted = (): NamedModels => ({
  policies: { letters: async () => letters() },
  prms: { grader: async () => grader() },
});

afterEach(async () => {
  await open?.server.close();
  await open?.platform.close();
  open = null;
});

describe('solve over a socket', () => {
  let client: Client;
  beforeEach(async () => ({ client } = await serve(scripted())));

  test('answers with the strategy that was asked for', async () => {
    const solved = await client.solve.mutate({ image, question, strategy: 'weighted-vote', n: 3 });
    expectTypeOf(solved).toEqualTypeOf<SolveOutput>();
    expect(solved).toMatchObject({
      answer: 'A',
      strategy: 'weighted-vote',
      n: 3,
      policy: 'scripted-policy',
      prm: 'scripted-prm',
      failedSamples: 0,
      chosen: { chosen: true, finalAnswer: 'A' },
      usage: { prmForwards: 2 },
    });
    expect(solved.candidates.map(({ finalAnswer }) => finalAnswer)).toEqual(['A', 'B', 'B']);
    expect((await client.solve.mutate({ image, question, strategy: 'majority', n: 3 })).answer).toBe('B');
    expect((await client.solve.mutate({ image, question, strategy: 'guided-greedy', n: 2 })).answer).toBe('A');
  });

  test('the same request gives the same answer', async () => {
    const ask = () => client.solve.mutate({ image, question, n: 4, seed: 9 });
    expect(await ask()).toEqual(await ask());
  });

  test.each([
    ['bytes that are no image', { image: Buffer.from('no image').toString('base64') }, 'ERR_IMAGE_DECODE'],
    ['a cut image', { image: Buffer.from(puzzle!.png.subarray(0, 200)).toString('base64') }, 'ERR_IMAGE_DECODE'],
    ['an unknown strategy', { strategy: 'luck' }, 'ERR_STRATEGY_UNKNOWN'],
    ['a bound', { strategy: 'oracle' }, 'ERR_USAGE'],
  ])('%s keeps its error code', async (_, more, code) => {
    const error: unknown = await client.solve.mutate({ image, question, ...more }).catch((thrown: unknown) => thrown);
    expect(wireErrorOf(error)).toMatchObject({ code, fix: expect.any(String) as string });
    expect(error).toMatchObject({ data: { httpStatus: code === 'ERR_IMAGE_DECODE' ? 422 : 400 } });
    expect(JSON.stringify(error)).not.toContain('server.test.ts');
  });

  test('wrong input names its fields', async () => {
    const error: unknown = await client.solve
      .mutate({ image: '?', question: '', n: 0 })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      data: {
        code: 'BAD_REQUEST',
        vlprm: null,
        input: {
          properties: {
            image: expect.anything() as object,
            question: expect.anything() as object,
            n: expect.anything() as object,
          },
        },
      },
    });
    expect(wireErrorOf(error)).toBeNull();
  });
});

describe('what the server lacks', () => {
  test('without a PRM, strategies that need one say what to do and others work', async () => {
    const { client } = await serve({ policies: { letters: async () => letters() } }, null);
    const error: unknown = await client.solve.mutate({ image, question }).catch((thrown: unknown) => thrown);
    expect(wireErrorOf(error)).toMatchObject({
      code: 'ERR_NO_PRM',
      fix: expect.stringContaining('npm start') as string,
    });
    expect(error).toMatchObject({ data: { code: 'PRECONDITION_FAILED' } });
    expect((await client.solve.mutate({ image, question, strategy: 'majority', n: 3 })).answer).toBe('B');
  });

  test('a model that fails is a bad gateway with the reason', async () => {
    const policy = createScriptedPolicy({ script: () => new Error('rate limit') });
    const { client } = await serve({ ...scripted(), policies: { letters: async () => policy } });
    const error: unknown = await client.solve.mutate({ image, question }).catch((thrown: unknown) => thrown);
    expect(wireErrorOf(error)).toMatchObject({ code: 'ERR_MODEL_FAILED', what: 'every sample failed: rate limit' });
    expect(error).toMatchObject({ data: { httpStatus: 502 } });
  });

  test('a client that leaves aborts the models', async () => {
    let aborted = (): void => undefined;
    const sawAbort = new Promise<void>((resolve) => (aborted = resolve));
    let called = (): void => undefined;
    const wasCalled = new Promise<void>((resolve) => (called = resolve));
    const inner = letters();
    const waiting: ScriptedPolicy = {
      ...inner,
      propose: async (prefixes, options, signal) => {
        called();
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
        aborted();
        return inner.propose(prefixes, options, signal);
      },
    };
    const { client } = await serve({ ...scripted(), policies: { letters: async () => waiting } });
    const controller = new AbortController();
    const asking = client.solve.mutate({ image, question }, { signal: controller.signal }).catch(() => 'left');
    await wasCalled;
    controller.abort();
    expect(await asking).toBe('left');
    await sawAbort;
  });
});

describe('doctor over a socket', () => {
  test('reports machine, models and what can be asked', async () => {
    const { client } = await serve(scripted());
    const report = await client.doctor.query();
    expect(report).toMatchObject({
      node: process.versions.node,
      policy: { name: 'scripted-policy' },
      prm: { name: 'scripted-prm', path: 'grader', threshold: 0.5 },
      kernels: {
        backends: expect.arrayContaining([expect.objectContaining({ name: 'js', available: true })]) as object,
      },
    });
    expect(report.strategies).toContain('guided-greedy');
    expect(report.strategies).not.toContain('oracle');
    // the scripted PRM looks at no picture, which its self-test finds
    expect(report.checks.find(({ name }) => name === 'prm sight')).toMatchObject({ status: 'failed' });
    expect(report.ok).toBe(false);
  });

  test('a model that cannot be opened is a failed check with its way out', async () => {
    const { client } = await serve({ policies: { letters: async () => letters() } }, '/no/such/bundle');
    const report = await client.doctor.query();
    expect(report.checks.find(({ name }) => name === 'prm')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('ERR_FILE_MISSING') as string,
    });
    expect(report.strategies).toEqual(['pass-at-1', 'majority']);
  });
});

describe('the server', () => {
  test('says that it lives and whether it is ready', async () => {
    const { url } = await serve(scripted());
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ready', policy: 'scripted-policy', prm: 'grader' },
    ]);
  });

  test('is not ready without its policy, and says why', async () => {
    const { url } = await serve({ prms: scripted().prms! });
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      code: 'ERR_CONFIG',
      fix: expect.stringContaining('puzzle-world') as string,
    });
  });

  test('takes a free port on loopback, and only loopback', async () => {
    const { url } = await serve(scripted());
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const { platform } = open!;
    await expect(startServer({ platform, port: 0, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ERR_CONFIG' });
    await expect(startServer({ platform, port: 70_000 })).rejects.toMatchObject({ code: 'ERR_RANGE' });
  });

  test('a taken port is a typed error', async () => {
    const socket = createSocket();
    const port = await new Promise<number>((resolve) =>
      socket.listen(0, '127.0.0.1', () => resolve((socket.address() as { port: number }).port)),
    );
    const platform = await createPlatform({ runs: '/no/such/folder' });
    await expect(startServer({ platform, port })).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      where: `127.0.0.1:${port}`,
    });
    socket.close();
  });

  test('refuses calls in the name of another site', async () => {
    const { server } = (await serve(scripted()), open!);
    const { request } = await import('node:http');
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request(`${server.url}/healthz`, { headers: { host: 'evil.example' } }, ({ statusCode }) => resolve(statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
