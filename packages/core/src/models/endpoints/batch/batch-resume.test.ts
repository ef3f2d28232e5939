import { describe, expect, it, vi } from 'vitest';
import { createEvents } from '../../../runtime/events.ts';
import { createManualClock } from '../../../runtime/flow/fixtures/manual-clock.ts';
import { createMemoryLedger, type Ledger } from '../../../runtime/ledger.ts';
import { everyCall } from '../../../testing/index.ts';
import { serveBatches } from '../../../testing/servers/fixtures/batching-server.ts';
import { answerTo, askAll, openBatching, question, seedsBelow } from '../fixtures/batching.ts';
import { context } from '../fixtures/requests.ts';

const seeds = seedsBelow(6);
const answers = seeds.map(answerTo);
const once = seeds.map(() => 1);

/** A `fetch` of a process that dies with its request number `last`: before it is sent, or before its response is read. */
function mortalFetch(last: number, when: 'before' | 'after', died: () => void): typeof fetch {
  let number = 0;
  return async (...call) => {
    const mine = number++;
    if (mine < last) return fetch(...call);
    if (mine === last && when === 'after') await (await fetch(...call)).arrayBuffer();
    died();
    return new Promise<never>(() => undefined);
  };
}

/** Batches that stay open until they are released. */
function heldOpen() {
  let looks = Infinity;
  const batches = {
    get looks() {
      return looks;
    },
  };
  return { batches, release: () => void (looks = 1) };
}

describe('an open batch', () => {
  it('is left to the service by a run that ends, and the next run waits for it', async () => {
    const { batches, release } = heldOpen();
    const server = await serveBatches({ batches });
    const ledger = createMemoryLedger();
    const events = createEvents();
    const warnings: string[] = [];
    events.on('warning', ({ message }) => warnings.push(message));
    const stop = new AbortController();
    const ended = openBatching(server, {}, { ledger, events });
    const asking = askAll(ended, seeds, stop.signal);
    await vi.waitFor(() => expect(server.calls('POST /batches')).toBe(1));
    stop.abort();
    expect(new Set(await asking)).toEqual(new Set(['ERR_ABORTED']));
    await ended.close();
    expect(warnings).toEqual(['a batch with 6 requests is left to the service: the same command waits for it again']);
    const looked = server.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.requests).toHaveLength(looked);
    release();
    expect(await askAll(openBatching(server, {}, { ledger }), [...seeds, 6])).toEqual([...answers, answerTo(6)]);
    expect([...server.answered.values()]).toEqual([...once, 1]);
    expect(server.calls('POST /batches')).toBe(2);
  });

  it('is not begun by a run that ends before its file is sent, and no timer is left', async () => {
    const server = await serveBatches();
    const clock = createManualClock();
    const stop = new AbortController();
    const service = openBatching(server, {}, { clock });
    const asking = askAll(service, seeds, stop.signal);
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    stop.abort();
    expect(new Set(await asking)).toEqual(new Set(['ERR_ABORTED']));
    expect(clock.pending).toBe(0);
    await service.close();
    expect(server.requests).toEqual([]);
  });

  it('is not begun for who has left before it is known what earlier runs have sent', async () => {
    const server = await serveBatches();
    const clock = createManualClock();
    const stop = new AbortController();
    const ledger = createMemoryLedger();
    let asked = 0;
    // First the gateway looks for the answer, then the queue for what was sent.
    const get: Ledger['get'] = async (key) => {
      if (++asked === 2) stop.abort();
      return ledger.get(key);
    };
    const service = openBatching(server, {}, { clock, ledger: { ...ledger, get } });
    const asking = Promise.allSettled([service.chat(question(1), { ...context, signal: stop.signal })]);
    expect(await asking).toMatchObject([{ reason: { code: 'ERR_ABORTED' } }]);
    await service.close();
    expect([asked, clock.pending]).toEqual([2, 0]);
  });

  it('that somebody cancels is not the end of its requests', async () => {
    const { batches, release } = heldOpen();
    const server = await serveBatches({ batches });
    const asking = askAll(openBatching(server), seeds);
    await vi.waitFor(() => expect(server.calls('POST /batches')).toBe(1));
    await fetch(`${server.url}/v1/batches/batch_1/cancel`, { method: 'POST' });
    release();
    expect(await asking).toEqual(answers);
    expect([...server.answered.values()]).toEqual(once);
  });

  it('goes on for those who still wait when others have gone', async () => {
    const { batches, release } = heldOpen();
    const server = await serveBatches({ batches });
    const stop = new AbortController();
    const service = openBatching(server);
    const gone = askAll(service, [0, 1], stop.signal);
    const staying = askAll(service, [2, 3]);
    await vi.waitFor(() => expect(server.calls('POST /batches')).toBe(1));
    stop.abort();
    expect(await gone).toEqual(['ERR_ABORTED', 'ERR_ABORTED']);
    release();
    expect(await askAll(service, [0])).toEqual([answerTo(0)]);
    expect(await staying).toEqual([answerTo(2), answerTo(3)]);
    expect(server.calls('POST /batches')).toBe(1);
  });
});

/** Upload, creation, a look, and the download: the requests of an undisturbed run with one batch. */
const REQUESTS = 4;

describe.each(['before', 'after'] as const)('a process that dies %s', (when) => {
  it.each(Array.from({ length: REQUESTS }, (_, i) => i))(
    'its request %i makes the next one pay nothing twice',
    async (last) => {
      const server = await serveBatches();
      const ledger = createMemoryLedger();
      const death = new AbortController();
      const dying = openBatching(server, {}, { ledger, fetch: mortalFetch(last, when, () => death.abort()) });
      await askAll(dying, seeds, death.signal);
      expect(await askAll(openBatching(server, {}, { ledger }), seeds)).toEqual(answers);
      expect([...server.answered.values()]).toEqual(once);
      expect(server.calls('POST /batches')).toBe(1);
      expect(server.calls('POST /files')).toBe(last === 0 && when === 'after' ? 2 : 1);
    },
  );
});

it('asks anew for what failed in a batch of an earlier run', async () => {
  const server = await serveBatches({ faults: everyCall('server-error', 1) });
  const ledger = createMemoryLedger();
  const once_ = openBatching(server, { maxAttempts: 1 }, { ledger });
  expect(new Set(await askAll(once_, seeds))).toEqual(new Set(['ERR_SERVER_FAILED']));
  expect(await askAll(openBatching(server, { maxAttempts: 1 }, { ledger }), seeds)).toEqual(answers);
});

it('sends again what a service no longer has', async () => {
  const [lost, kept] = [await serveBatches({ batches: { looks: Infinity } }), await serveBatches()];
  const ledger = createMemoryLedger();
  let there = lost;
  const through: typeof fetch = (input, init) =>
    fetch((input as string).replace('http://batches.example', there.url), init);
  const stop = new AbortController();
  const named = { url: 'http://batches.example' };
  const asking = askAll(openBatching(named, {}, { ledger, fetch: through }), seeds, stop.signal);
  await vi.waitFor(() => expect(lost.calls('POST /batches')).toBe(1));
  stop.abort();
  await asking;
  there = kept;
  expect(await askAll(openBatching(named, {}, { ledger, fetch: through }), seeds)).toEqual(answers);
});
