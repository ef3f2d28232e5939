import { describe, expect, it } from 'vitest';
import { createMemoryLedger } from '../../../runtime/ledger.ts';
import { createBudget } from '../../../runtime/budget.ts';
import { createEvents } from '../../../runtime/events.ts';
import { answerTo, askAll, openBatching, question, seedsBelow } from '../fixtures/batching.ts';
import { serveBatches } from '../../../testing/servers/fixtures/batching-server.ts';
import { context, imageMessage, open } from '../fixtures/requests.ts';
import { endpointSchema } from '../endpoint-config.ts';
import { createEndpointJudge } from '../judge.ts';

describe.each(['openai', 'azure'] as const)('calls through the batch API of %s', (kind) => {
  it('are one file and one batch, and each gets the answer of its own row', async () => {
    const server = await serveBatches({ dialect: kind, apiKey: 'secret' });
    const service = openBatching(server, { kind, apiKeyEnv: 'KEY' }, { env: { KEY: 'secret' } });
    expect(await askAll(service, seedsBelow(20))).toEqual(seedsBelow(20).map(answerTo));
    expect([server.calls('POST /files'), server.calls('POST /batches')]).toEqual([1, 1]);
    await service.close();
    expect(server.inFlight).toBe(0);
  });

  it('bring several choices and pictures as calls one by one do, under the same key of the ledger', async () => {
    const server = await serveBatches({ dialect: kind });
    const ledger = createMemoryLedger();
    const asked = question(7, { n: 2, messages: [imageMessage] });
    const offline = await openBatching(server, { kind }, { ledger }).chat(asked, context);
    const online = open({ kind, baseUrl: server.url, model: 'tiny-vl' }, { ledger });
    expect(await online.chat(asked, context)).toMatchObject({ answer: offline.answer, source: 'ledger' });
    const again = open({ kind, baseUrl: server.url, model: 'tiny-vl' });
    expect(await again.chat(asked, context)).toMatchObject({ answer: offline.answer, source: 'service' });
  });
});

describe('a dated API of Azure', () => {
  it('has its routes without a version in their path', async () => {
    const server = await serveBatches({ dialect: 'azure', batches: { fileLooks: 2 } });
    const service = openBatching(server, { kind: 'azure', apiVersion: '2024-10-21' });
    expect(await askAll(service, [1])).toEqual([answerTo(1)]);
    const paths = new Set(server.requests.map(({ path }) => path.replace(/(file-|batch_)\d+/, 'ID')));
    expect([...paths]).toEqual([
      '/openai/files?api-version=2024-10-21',
      '/openai/files/ID?api-version=2024-10-21',
      '/openai/batches?api-version=2024-10-21',
      '/openai/batches/ID?api-version=2024-10-21',
      '/openai/files/ID/content?api-version=2024-10-21',
    ]);
  });
});

it('is asked by a judge for as many solutions at once as a file holds', async () => {
  const server = await serveBatches();
  expect(createEndpointJudge(openBatching(server, { batch: { maxRequests: 77 } })).preferredBatch).toBe(77);
  const online = createEndpointJudge(open({ kind: 'openai', baseUrl: server.url }));
  expect(online).not.toHaveProperty('preferredBatch');
});

describe('a configuration', () => {
  const parse = (change: object) =>
    endpointSchema.safeParse({ kind: 'openai', baseUrl: 'http://h', model: 'm', batch: {}, ...change });

  it('has limits of its own, those of the services unless it says otherwise', () => {
    expect(parse({}).data?.batch).toMatchObject({ maxRequests: 50_000, maxBytes: 200_000_000, priceFactor: 0.5 });
  });

  it.each([
    ['a kind without a batch API', { kind: 'vllm' }, 'openai and azure alone'],
    ['several servers', { replicas: [{ baseUrl: 'http://other' }] }, 'one server'],
    ['no time between two looks', { batch: { pollSeconds: 0 } }, '>0'],
  ])('with %s is refused', (_, change, words) => {
    expect(parse(change).error?.issues[0]).toMatchObject({
      path: expect.arrayContaining(['batch']) as string[],
      message: expect.stringContaining(words) as string,
    });
  });
});

describe('progress', () => {
  it('tells how many of the requests that were sent are answered', async () => {
    const server = await serveBatches({ batches: { looks: 3 } });
    const events = createEvents();
    const told: string[] = [];
    events.on('progress', ({ stage, done, total }) => told.push(`${stage}: ${done}/${total}`));
    const service = openBatching(server, { batch: { maxRequests: 3, maxOpen: 1 } }, { events });
    await askAll(service, seedsBelow(6));
    await service.close();
    expect(told[0]).toBe('batches of tiny-vl: 0/3');
    expect(told.at(-1)).toBe('batches of tiny-vl: 6/6');
  });
});

describe('what a call costs', () => {
  it('is its price times the factor, reserved as for a call online', async () => {
    const server = await serveBatches();
    const prices = { 'tiny-vl': { promptUsdPerMillion: 100, completionUsdPerMillion: 1000 } };
    const online = await open({ kind: 'openai', baseUrl: server.url, model: 'tiny-vl' }, { prices }).chat(
      question(1),
      context,
    );
    const offline = await openBatching(server, {}, { prices }).chat(question(1), context);
    expect(offline.usage).toEqual({ ...online.usage, usd: online.usage.usd! / 2 });
    const budget = createBudget({ calls: 3 });
    const outcomes = await askAll(openBatching(server, {}, { budget }), seedsBelow(5));
    expect(outcomes.filter((outcome) => outcome === 'ERR_BUDGET')).toHaveLength(2);
    expect(budget.status()).toMatchObject({ spent: { calls: 3 }, reserved: { calls: 0 } });
  });
});

describe('files', () => {
  it('are cut where they would pass a limit', async () => {
    const server = await serveBatches({ batches: { maxRequests: 4 } });
    const service = openBatching(server, { batch: { maxRequests: 4, maxOpen: 2 } });
    expect(await askAll(service, seedsBelow(10))).toEqual(seedsBelow(10).map(answerTo));
    expect(server.calls('POST /batches')).toBe(3);
  });

  it('have no room for a request that is larger than all of one', async () => {
    const server = await serveBatches();
    expect(await askAll(openBatching(server, { batch: { maxBytes: 100 } }), [1])).toEqual(['ERR_REQUEST_REFUSED']);
    expect(await askAll(openBatching(server, { batch: { maxTokens: 10 } }), [1])).toEqual(['ERR_REQUEST_REFUSED']);
    expect(server.requests).toEqual([]);
  });

  it('go on growing while as many batches are open as may be', async () => {
    const server = await serveBatches({ batches: { looks: 30 } });
    const service = openBatching(server, { batch: { maxOpen: 1, quietSeconds: 0.005 } });
    const first = askAll(service, [0]);
    while (server.calls('POST /batches') === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const later = seedsBelow(6)
      .slice(1)
      .map((seed) => askAll(service, [seed]));
    await Promise.all([first, ...later]);
    expect(server.calls('POST /batches')).toBe(2);
  });
});
