import { getEventListeners } from 'node:events';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { VlprmError } from '../errors.ts';
import { ServiceError, type ServiceErrorCode } from '../gateway/service-error.ts';
import { createRandom } from '../random.ts';
import { createReplicaPool, type ReplicaPoolOptions } from './create-replica-pool.ts';
import { createManualClock } from './fixtures/manual-clock.ts';
import type { CallOutcome, Lease, LeaseRequest, ReplicaSpec } from './replica-pool.ts';

const DONE: CallOutcome = { ok: true, latencyMs: 1, tokens: null, quota: null };
const failed = (code: ServiceErrorCode, retryAfterMs?: number): CallOutcome => ({
  ok: false,
  error: new ServiceError(code, `it said ${code}`, retryAfterMs === undefined ? {} : { retryAfterMs }),
});

function setUp(specs: Record<string, Partial<ReplicaSpec<string>>>, options: ReplicaPoolOptions = {}) {
  const clock = createManualClock();
  const defaults = { weight: 1, requestsPerMinute: null, tokensPerMinute: null, maxConcurrency: 8 };
  const pool = createReplicaPool(
    Object.entries(specs).map(([name, spec]) => ({ name, replica: `to ${name}`, ...defaults, ...spec })),
    { clock, random: createRandom(1), ...options },
  );
  const lease = (request: Partial<LeaseRequest> = {}, signal?: AbortSignal): Promise<Lease<string>> =>
    pool.lease({ affinity: 'problem', tokens: 0, ...request }, signal);
  /** Names of those that have a lease now, in the order of getting it. */
  const track = (requests: readonly Partial<LeaseRequest>[]) => {
    const got: { index: number; lease: Lease<string> }[] = [];
    requests.forEach((request, index) => void lease(request).then((lease) => got.push({ index, lease })));
    return got;
  };
  const endAll = async (outcome: CallOutcome, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) (await lease()).release(outcome);
  };
  return { clock, pool, lease, track, endAll };
}

describe('order', () => {
  test('as many calls as there is room, the others in the order of asking', async () => {
    const { clock, track, pool } = setUp({ a: { maxConcurrency: 2 } });
    const got = track([{}, {}, {}, {}, {}]);
    await clock.advance(0);
    expect(got.map(({ index }) => index)).toEqual([0, 1]);
    got[1]!.lease.release(DONE);
    got[0]!.lease.release(DONE);
    await clock.advance(0);
    expect(got.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(pool.status()).toMatchObject([{ name: 'a', inFlight: 2, concurrency: 2, healthy: true, calls: 4 }]);
  });

  test('a large call is not overtaken by small ones for which the quota would do', async () => {
    const { clock, track } = setUp({ a: { tokensPerMinute: 1200 } });
    const got = track([{ tokens: 100 }, { tokens: 100 }, { tokens: 1 }]);
    await clock.advance(4999);
    expect(got.map(({ index }) => index)).toEqual([0]);
    await clock.advance(1);
    expect(got.map(({ index }) => index)).toEqual([0, 1]);
    await clock.advance(51);
    expect(got.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  test('who waits for one replica does not hold up who may have another', async () => {
    const { clock, lease, track } = setUp({ a: { maxConcurrency: 1 }, b: { maxConcurrency: 1 } });
    const first = [await lease(), await lease()];
    const got = track([{ avoid: ['a'] }, {}, {}]);
    first.find(({ name }) => name === 'a')!.release(DONE);
    await clock.advance(0);
    expect(got.map(({ index, lease }) => [index, lease.name])).toEqual([[1, 'a']]);
    first.find(({ name }) => name === 'b')!.release(DONE);
    await clock.advance(0);
    expect(got.map(({ index, lease }) => [index, lease.name])[1]).toEqual([0, 'b']);
  });

  test('one that leaves frees its place, and leaves no listener', async () => {
    const { clock, lease, track } = setUp({ a: { tokensPerMinute: 1200 } });
    (await lease({ tokens: 60 })).release(DONE);
    const controller = new AbortController();
    const large = lease({ tokens: 100 }, controller.signal);
    const got = track([{ tokens: 40 }]);
    await clock.advance(0);
    expect(got).toHaveLength(0);
    controller.abort();
    await expect(large).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await clock.advance(0);
    expect(got).toHaveLength(1);
    await expect(lease({}, controller.signal)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    const { signal } = new AbortController();
    (await lease({}, signal)).release(DONE);
    expect([clock.pending, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  property.prop([
    fc.nat(),
    fc.array(fc.record({ tokens: fc.integer({ min: 0, max: 50 }), avoid: fc.constantFrom([], ['a'], ['b']) }), {
      minLength: 1,
      maxLength: 60,
    }),
  ])('every call is served, none beyond the bounds, whatever fails', async (seed, requests) => {
    const random = createRandom(seed);
    const limits = { maxConcurrency: 3, requestsPerMinute: 600, tokensPerMinute: 6000 };
    const { clock, lease, pool } = setUp({ a: limits, b: limits }, { prefixWarmupMs: 50 });
    const outcomes = [
      DONE,
      DONE,
      failed('ERR_SERVER_FAILED'),
      failed('ERR_RATE_LIMITED', 40),
      failed('ERR_OVERLOADED'),
    ];
    const work = requests.map(async (request, i) => {
      const place = await lease({ ...request, affinity: `p${i % 3}` });
      for (const { inFlight, concurrency } of pool.status()) {
        expect(inFlight).toBeLessThanOrEqual(3);
        expect(concurrency).toBeGreaterThanOrEqual(1);
      }
      await new Promise<void>((resolve) => void clock.after(random.int(100), resolve));
      place.release(random.pick(outcomes));
    });
    await clock.runUntil(Promise.all(work));
    expect(pool.status().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
    expect(clock.pending).toBe(0);
  });
});

describe('choice', () => {
  test('one affinity keeps to one replica, and spills over when it is full', async () => {
    const { lease } = setUp({ a: { maxConcurrency: 2 }, b: { maxConcurrency: 2 }, c: { maxConcurrency: 2 } });
    const names = [];
    for (let i = 0; i < 6; i++) names.push((await lease()).name);
    expect(names[1]).toBe(names[0]);
    expect(names[3]).toBe(names[2]);
    expect(new Set(names).size).toBe(3);
  });

  test('affinities, and calls without one, spread by weight', async () => {
    for (const affinity of [(i: number) => `problem ${i}`, () => '']) {
      const { lease, pool } = setUp({ a: { weight: 3 }, b: { weight: 1 } });
      for (let i = 0; i < 2000; i++) (await lease({ affinity: affinity(i) })).release(DONE);
      const [a, b] = pool.status();
      expect(a!.calls / b!.calls).toBeGreaterThan(2.6);
      expect(a!.calls / b!.calls).toBeLessThan(3.4);
    }
  });

  test('a replica to be avoided is taken when no other is in service', async () => {
    const { lease, endAll } = setUp({ a: {}, b: {} });
    const first = (await lease()).name;
    const other = first === 'a' ? 'b' : 'a';
    expect((await lease({ avoid: [first] })).name).toBe(other);
    await endAll(failed('ERR_AUTH'), 1);
    expect((await lease({ avoid: [other] })).name).toBe(other);
  });
});

describe('health', () => {
  test('after failures in a row a replica cools down, then one call tries it', async () => {
    const { clock, pool, track, endAll } = setUp({ a: {} });
    await endAll(DONE, 1);
    await endAll(failed('ERR_SERVER_FAILED'), 5);
    const { coolDownMs, healthy } = pool.status()[0]!;
    expect(healthy).toBe(false);
    expect(coolDownMs).toBeGreaterThanOrEqual(500);
    expect(coolDownMs).toBeLessThanOrEqual(1000);
    const got = track([{}, {}, {}]);
    await clock.advance(coolDownMs - 1);
    expect(got).toHaveLength(0);
    await clock.advance(1);
    expect(got).toHaveLength(1);
    got[0]!.lease.release(DONE);
    await clock.advance(0);
    expect(got).toHaveLength(3);
    expect(pool.status()).toMatchObject([{ healthy: true, coolDownMs: 0 }]);
  });

  test('while one cools down the others take its calls', async () => {
    const { lease, endAll } = setUp({ a: {}, b: {} });
    const home = (await lease()).name;
    await endAll(failed('ERR_ENDPOINT_UNREACHABLE'), 5);
    expect((await lease()).name).not.toBe(home);
  });

  test('a retry-after holds back the replica that sent it', async () => {
    const { clock, lease, track } = setUp({ a: {} });
    (await lease()).release(failed('ERR_RATE_LIMITED', 3000));
    const got = track([{}]);
    await clock.advance(2999);
    expect(got).toHaveLength(0);
    await clock.advance(1);
    expect(got).toHaveLength(1);
  });

  test('a pause that is longer than anybody should wait is told at once', async () => {
    const { clock, lease } = setUp({ a: {} });
    (await lease()).release(failed('ERR_RATE_LIMITED', 3_600_000));
    await expect(lease()).rejects.toMatchObject({ code: 'ERR_RATE_LIMITED', message: 'it said ERR_RATE_LIMITED' });
    await clock.advance(3_600_000);
    expect((await lease()).name).toBe('a');
  });

  test('one that is set up wrongly goes out; when all are out, calls fail with the words of the last', async () => {
    const { lease, pool, endAll } = setUp({ a: {}, b: {} });
    await endAll(failed('ERR_AUTH'), 1);
    expect(pool.status().filter(({ healthy }) => !healthy)).toMatchObject([
      { lastFailure: 'error[ERR_AUTH]: it said ERR_AUTH', failures: 1 },
    ]);
    await endAll(failed('ERR_MODEL_UNKNOWN'), 1);
    const error: unknown = await lease().catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'ERR_MODEL_UNKNOWN', message: /all 2 replicas.*it said ERR_MODEL_UNKNOWN/ });
    expect(error).toBeInstanceOf(VlprmError);
    expect(error).not.toBeInstanceOf(ServiceError);
  });

  test('one that never answered is soon given up, and all who wait are told; later it is tried again', async () => {
    const { clock, lease, endAll } = setUp({ a: {} });
    await endAll(failed('ERR_ENDPOINT_UNREACHABLE'), 5);
    const fails = async (): Promise<void> => (await lease()).release(failed('ERR_ENDPOINT_UNREACHABLE'));
    const work = Promise.allSettled(Array.from({ length: 20 }, fails));
    const settled = await clock.runUntil(work);
    const told = settled.filter((outcome) => outcome.status === 'rejected');
    expect(told).toHaveLength(17);
    expect(told[0]!.reason).toMatchObject({
      code: 'ERR_ENDPOINT_UNREACHABLE',
      message: 'it said ERR_ENDPOINT_UNREACHABLE',
    });
    expect(clock.now()).toBeLessThan(8000);
    await expect(lease()).rejects.toMatchObject({ code: 'ERR_ENDPOINT_UNREACHABLE' });
    await clock.advance(60_000);
    expect((await lease()).name).toBe('a');
  });

  test("failures that are not the server's, and aborts, do not tell against it", async () => {
    const { pool, endAll } = setUp({ a: {} });
    await endAll(failed('ERR_CONTENT_FILTER'), 20);
    await endAll({ ok: false, error: new VlprmError('ERR_ABORTED', 'interrupted') }, 20);
    expect(pool.status()).toMatchObject([{ healthy: true, failures: 20 }]);
  });
});

describe('prefix warm-up', () => {
  test('the first call of a prefix goes alone; the others follow it, and nobody else waits', async () => {
    const { clock, track } = setUp({ a: {} }, { prefixWarmupMs: 1000 });
    const got = track([{}, {}, {}, { affinity: 'other' }, { affinity: '' }]);
    await clock.advance(0);
    expect(got.map(({ index }) => index)).toEqual([0, 3, 4]);
    got[0]!.lease.release(DONE);
    await clock.advance(0);
    expect(got.map(({ index }) => index)).toEqual([0, 3, 4, 1, 2]);
    expect(track([{}]), 'and from now on nobody waits').toHaveLength(0);
    await clock.advance(0);
    expect(clock.pending, "only the other prefix's").toBe(1);
  });

  test.each([failed('ERR_SERVER_FAILED'), null])(
    'they wait no longer than it lasts or is allowed (%o)',
    async (outcome) => {
      const { clock, track } = setUp({ a: { maxConcurrency: 2 } }, { prefixWarmupMs: 1000 });
      const got = track([{}, {}, {}]);
      await clock.advance(999);
      expect(got).toHaveLength(1);
      if (outcome === null) await clock.advance(1);
      else got[0]!.lease.release(outcome);
      await clock.advance(0);
      expect(got.map(({ index }) => index)).toEqual(outcome === null ? [0, 1] : [0, 1, 2]);
    },
  );

  test('one that waits for its prefix can leave', async () => {
    const { clock, lease } = setUp({ a: {} }, { prefixWarmupMs: 1000 });
    const controller = new AbortController();
    const first = await lease();
    const second = lease({}, controller.signal);
    await clock.advance(0);
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    first.release(DONE);
    expect(clock.pending).toBe(0);
  });
});

describe('misuse', () => {
  test('a lease is released once', async () => {
    const { lease } = setUp({ a: {} });
    const place = await lease();
    place.release(DONE);
    expect(() => place.release(DONE)).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL', where: 'a' }));
  });

  test.each([
    ['no replica', {}],
    ['no share', { a: { weight: 0 } }],
    ['a negative limit', { a: { requestsPerMinute: -1 } }],
    ['a limit that is no number', { a: { tokensPerMinute: Number.NaN } }],
  ])('%s is refused', (_, specs) => {
    expect(() => setUp(specs)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });

  test('two replicas of one name are refused', () => {
    const spec = {
      name: 'a',
      replica: 0,
      weight: 1,
      requestsPerMinute: null,
      tokensPerMinute: null,
      maxConcurrency: 1,
    };
    expect(() => createReplicaPool([spec, spec])).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });
});
