import { describe, expect, it } from 'vitest';
import { createEvents } from '../../../runtime/events.ts';
import { createMemoryLedger } from '../../../runtime/ledger.ts';
import { everyCall, seededFaults, type BatchEnding, type FaultKind } from '../../../testing/index.ts';
import { serveBatches } from '../../../testing/servers/fixtures/batching-server.ts';
import { answerTo, askAll, openBatching, question, seedsBelow } from '../fixtures/batching.ts';
import { prefixOf } from '../fixtures/problems.ts';
import { context } from '../fixtures/requests.ts';
import { createEndpointJudge } from '../judge.ts';

const seeds = seedsBelow(6);
const answers = seeds.map(answerTo);

/** The first batch of a server ends like this, the later ones well. */
const first = (ending: BatchEnding) => (number: number) => (number === 0 ? ending : {});
const always = (ending: BatchEnding) => () => ending;

describe('rows', () => {
  it.each<[FaultKind, string]>([
    ['rate-limit', 'ERR_RATE_LIMITED'],
    ['server-error', 'ERR_SERVER_FAILED'],
    ['content-filter', 'ERR_CONTENT_FILTER'],
    ['hang', 'ERR_BATCH_FAILED'],
    ['cut-stream', 'ERR_BATCH_FAILED'],
    ['malformed-json', 'ERR_BATCH_FAILED'],
    ['wrong-n', 'ERR_ANSWER_MALFORMED'],
  ])('of the fault %s are the error that they are, and pass in a further batch where they may', async (kind, code) => {
    const lasting = await serveBatches({ faults: everyCall(kind) });
    expect(await askAll(openBatching(lasting, { maxAttempts: 2 }), seeds)).toEqual(seeds.map(() => code));
    const lastsAsItIs = kind === 'content-filter';
    expect(lasting.calls('POST /batches')).toBe(lastsAsItIs ? 1 : 2);
    const passing = await serveBatches({ faults: everyCall(kind, 1) });
    expect(await askAll(openBatching(passing), seeds)).toEqual(lastsAsItIs ? seeds.map(() => code) : answers);
  });

  it('that Azure filters are refused requests', async () => {
    const server = await serveBatches({ dialect: 'azure', faults: everyCall('content-filter') });
    expect(await askAll(openBatching(server, { kind: 'azure' }), [1])).toEqual(['ERR_CONTENT_FILTER']);
  });

  it('that are repeated, or of requests that nobody made, or no JSON at all, are ignored and told of', async () => {
    const warnings: string[] = [];
    const events = createEvents();
    events.on('warning', ({ message }) => warnings.push(message));
    const disturb = (rows: readonly string[]): string[] => {
      const [one = '', ...others] = rows;
      const repeated = one.replace(/I see \d+/, 'I see 99');
      const unknown = one.replace(/"custom_id":"\w+"/, '"custom_id":"nobody"');
      return [one, unknown, repeated, '{"custom_id": "', ...others];
    };
    const server = await serveBatches({ batches: { ending: always({ output: disturb }) } });
    const service = openBatching(server, {}, { events });
    expect(await askAll(service, seeds)).toEqual(answers);
    await service.close();
    expect(warnings).toEqual(['batch batch_1: ignored 1 unknown, 1 repeated, 1 unreadable rows']);
    expect(server.calls('POST /batches')).toBe(1);
  });

  it('of which the output file has one and the error file the other are both read', async () => {
    const server = await serveBatches({ faults: ({ content }) => (content < '8' ? 'server-error' : null) });
    const outcomes = await askAll(openBatching(server, { maxAttempts: 1 }), seedsBelow(24));
    expect(new Set(outcomes.filter((text) => text.startsWith('ERR')))).toEqual(new Set(['ERR_SERVER_FAILED']));
    const good = outcomes.flatMap((text, seed) => (text === answerTo(seed) ? [seed] : []));
    expect(good.length + outcomes.filter((text) => text === 'ERR_SERVER_FAILED').length).toBe(24);
    expect(good.length).toBeGreaterThan(0);
    expect(good.length).toBeLessThan(24);
  });

  it('with an answer that is no chat completion fail alone', async () => {
    const spoil = (rows: readonly string[]): string[] =>
      rows.map((row, i) => (i === 0 ? row.replace('"choices"', '"chosen"') : row));
    const server = await serveBatches({ batches: { ending: always({ output: spoil }) } });
    const outcomes = await askAll(openBatching(server, { maxAttempts: 1 }), seeds);
    expect(outcomes.filter((text) => text === 'ERR_BATCH_FAILED')).toHaveLength(1);
  });

  it('that refuse a parameter are sent again without it', async () => {
    const server = await serveBatches({ model: { reasoning: true } });
    expect(await askAll(openBatching(server), seeds)).toEqual(
      seeds.map(() => expect.stringMatching(/^I see/) as string),
    );
    expect(server.calls('POST /batches')).toBeLessThanOrEqual(4);
  });
});

describe('a batch', () => {
  it.each(['expired', 'cancelled', 'canceled'])(
    'that has %s keeps what was answered, and the rest is sent again',
    async (status) => {
      const server = await serveBatches({ batches: { ending: first({ status, answered: 4 }) } });
      expect(await askAll(openBatching(server), seeds)).toEqual(answers);
      expect([...server.answered.values()]).toEqual(seeds.map(() => 1));
      expect(server.calls('POST /batches')).toBe(2);
    },
  );

  it('that expires every time is given up, with the words of its rows', async () => {
    const server = await serveBatches({ batches: { ending: always({ status: 'expired', answered: 0 }) } });
    const asking = openBatching(server, { maxAttempts: 2 }).chat(question(1), context);
    await expect(asking).rejects.toMatchObject({
      code: 'ERR_BATCH_FAILED',
      message: expect.stringContaining('expired') as string,
    });
    expect(server.calls('POST /batches')).toBe(2);
  });

  it('that failed for a line fails this request alone, for good', async () => {
    const errors = [{ code: 'invalid_request', message: 'this line is strange', line: 3 }];
    const server = await serveBatches({ batches: { ending: first({ status: 'failed', errors }) } });
    expect(await askAll(openBatching(server), seeds)).toEqual(
      answers.map((text, i) => (i === 2 ? 'ERR_REQUEST_REFUSED' : text)),
    );
  });

  it.each([
    ['wrong_thing', 'ERR_BATCH_FAILED'],
    ['model_not_found', 'ERR_MODEL_UNKNOWN'],
    ['billing_hard_limit_reached', 'ERR_QUOTA_EXHAUSTED'],
  ])('that failed as a whole for %s is not sent again', async (name, code) => {
    const errors = [{ code: name, message: 'this will not do', line: null }];
    const server = await serveBatches({ batches: { ending: always({ status: 'failed', errors }) } });
    const asking = openBatching(server).chat(question(1), context);
    await expect(asking).rejects.toMatchObject({
      code,
      message: expect.stringContaining('this will not do') as string,
    });
    expect(server.calls('POST /batches')).toBe(1);
  });

  it('of a status that nobody knows is an error, not an endless wait', async () => {
    const server = await serveBatches({
      batches: { ending: always({ status: 'paused', answered: 0, error: () => [] }) },
    });
    const asking = openBatching(server).chat(question(1), context);
    await expect(asking).rejects.toMatchObject({
      code: 'ERR_BATCH_FAILED',
      message: expect.stringContaining('"paused"') as string,
    });
    expect(server.calls('POST /batches')).toBe(1);
  });

  it.each<[string, BatchEnding]>([
    ['failed as a whole', { status: 'failed', errors: [{ code: 'wrong_thing', message: 'no', line: null }] }],
    ['has a status that nobody knows', { status: 'paused', answered: 0, error: () => [] }],
  ])('that %s ends the reviews, so that none of them is kept as a failure', async (_, ending) => {
    const server = await serveBatches({ batches: { ending: always(ending) } });
    const judge = createEndpointJudge(openBatching(server));
    const solutions = ['a', 'b'].map((id) => prefixOf({ id }, [{ kind: 'perception', text: 'There are 3.' }]));
    await expect(judge.review(solutions, { seed: 1 })).rejects.toMatchObject({ code: 'ERR_BATCH_FAILED' });
  });

  it('that the service has no room for is made of the same file when others have ended', async () => {
    const server = await serveBatches({ batches: { looks: 3, maxQueuedTokens: 400 } });
    const service = openBatching(server, { batch: { maxRequests: 2, maxOpen: 3 } });
    expect(await askAll(service, seeds)).toEqual(answers);
    expect(server.calls('POST /files')).toBe(3);
    expect(server.calls('POST /batches')).toBeGreaterThan(3);
  });

  it('that the service never has room for is given up', async () => {
    const server = await serveBatches({ batches: { maxQueuedTokens: 1 } });
    const asking = openBatching(server, { batch: { pollSeconds: 0.001 } }).chat(question(1), context);
    await expect(asking).rejects.toMatchObject({
      code: 'ERR_BATCH_FAILED',
      fix: expect.stringContaining('batch.maxTokens') as string,
    });
  });
});

describe('the batch API', () => {
  it('is asked again after failures that may pass', async () => {
    const disturb = (route: string, number: number) =>
      number === 0 && route !== 'POST /batches' ? ('refused' as const) : null;
    const server = await serveBatches({ batches: { disturb } });
    expect(await askAll(openBatching(server), seeds)).toEqual(answers);
  });

  it('makes no second batch of a file where the answer to the first call was lost', async () => {
    const disturb = (route: string, number: number) =>
      number === 0 && route === 'POST /batches' ? ('lost' as const) : null;
    const server = await serveBatches({ batches: { disturb } });
    expect(await askAll(openBatching(server), seeds)).toEqual(answers);
    expect(server.calls('POST /batches')).toBe(1);
    expect([...server.answered.values()]).toEqual(seeds.map(() => 1));
  });

  it('that refuses the key ends the call with that', async () => {
    const server = await serveBatches({ apiKey: 'secret' });
    await expect(openBatching(server).chat(question(1), context)).rejects.toMatchObject({ code: 'ERR_AUTH' });
  });
});

it('answers every request once or fails it by type, whatever befalls rows and batches', async () => {
  const server = await serveBatches({
    faults: seededFaults({ seed: 3, share: 0.5, attempts: 2 }),
    batches: {
      ending: (number, { length }) =>
        [{ status: 'expired', answered: Math.floor(length / 2) }, {}, { status: 'cancelled', answered: 3 }][
          number % 3
        ]!,
    },
  });
  const ledger = createMemoryLedger();
  const service = openBatching(server, { maxAttempts: 12, batch: { maxRequests: 17 } }, { ledger });
  const outcomes = await askAll(service, seedsBelow(120));
  const wrong = outcomes.filter((text, seed) => text !== answerTo(seed) && text !== 'ERR_CONTENT_FILTER');
  expect(wrong).toEqual([]);
  expect(outcomes).toContain('ERR_CONTENT_FILTER');
  const { calls } = (await ledger.usage())['call/policy']!;
  expect(calls).toBe(outcomes.filter((text) => text !== 'ERR_CONTENT_FILTER').length);
});
