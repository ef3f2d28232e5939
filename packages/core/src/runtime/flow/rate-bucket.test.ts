import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { createManualClock } from './fixtures/manual-clock.ts';
import { RateBucket } from './rate-bucket.ts';

const MINUTE = 60_000;

/** A bucket and its clock; `waitAndTake` takes when it may. */
function setUp(perMinute: number | null) {
  const clock = createManualClock();
  const bucket = new RateBucket(perMinute, clock);
  const waitAndTake = async (amount: number): Promise<number> => {
    while (bucket.waitMs(amount) > 0) await clock.advance(bucket.waitMs(amount));
    bucket.take(amount);
    return clock.now();
  };
  return { clock, bucket, waitAndTake };
}

describe('limits', () => {
  property.prop([
    fc.integer({ min: 1, max: 100_000 }),
    fc.array(fc.record({ idleMs: fc.nat(3000), share: fc.double({ min: 0, max: 1, noNaN: true }) }), { maxLength: 80 }),
  ])('no minute takes more than the limit and one burst', async (limit, takes) => {
    const { clock, bucket, waitAndTake } = setUp(limit);
    const taken: { at: number; amount: number }[] = [];
    for (const { idleMs, share } of takes) {
      await clock.advance(idleMs);
      const amount = share * bucket.burst;
      taken.push({ at: await waitAndTake(amount), amount });
    }
    for (const { at: begin } of taken) {
      const within = taken.filter(({ at }) => at >= begin && at < begin + MINUTE);
      const sum = within.reduce((total, { amount }) => total + amount, 0);
      expect(sum).toBeLessThanOrEqual(limit + bucket.burst + 1e-3);
    }
  });

  property.prop([fc.integer({ min: 12, max: 100_000 }), fc.integer({ min: 1, max: 50 })])(
    'who always takes when it may gets the whole limit',
    async (limit, parts) => {
      const { clock, bucket, waitAndTake } = setUp(limit);
      const amount = bucket.burst / parts;
      for (let sum = 0; sum < limit + bucket.burst; sum += amount) await waitAndTake(amount);
      expect(clock.now()).toBeLessThanOrEqual(MINUTE * (1 + amount / limit) + 1);
    },
  );

  test('a take beyond the burst goes from a full bucket, and the debt is paid off', async () => {
    const { bucket, waitAndTake } = setUp(600);
    expect(bucket.burst).toBe(50);
    expect(await waitAndTake(250)).toBe(0);
    expect(await waitAndTake(10)).toBeCloseTo(21_000, 3);
  });

  test('without a limit nothing waits', () => {
    const { bucket } = setUp(null);
    bucket.take(1e9);
    bucket.settle(1e9, 1);
    expect(bucket.waitMs(1e9)).toBe(0);
  });

  property.prop([fc.array(fc.record({ taken: fc.nat(100), used: fc.nat(100) }), { maxLength: 30 })])(
    'what is settled counts as if it had been taken, up to a full bucket',
    (calls) => {
      const { bucket } = setUp(1200);
      let level = 100;
      for (const { taken, used } of calls) {
        bucket.take(taken);
        bucket.settle(taken, used);
        level -= used;
      }
      expect(bucket.waitMs(100)).toBeCloseTo(Math.max(0, 100 - level) * 50, 6);
    },
  );
});

describe('what the service reports', () => {
  test('bounds the configured limit, or stands in for it', () => {
    const { bucket } = setUp(600);
    bucket.observe({ limit: 60 });
    expect([bucket.limit, bucket.burst]).toEqual([60, 5]);
    bucket.observe({ limit: 6000 });
    expect(bucket.limit).toBe(600);
    const { bucket: unknown } = setUp(null);
    unknown.observe({ remaining: 0 });
    expect(unknown.waitMs(1)).toBe(0);
    unknown.observe({ limit: 120, remaining: 3 });
    expect([unknown.limit, unknown.waitMs(3), unknown.waitMs(4)]).toEqual([120, 0, 500]);
  });

  test('that others have used up the quota is heeded, that they have not is not believed beyond the own count', () => {
    const { bucket } = setUp(600);
    bucket.observe({ limit: 600, remaining: 2 });
    expect([bucket.waitMs(2), bucket.waitMs(3)]).toEqual([0, 100]);
    bucket.observe({ limit: 600, remaining: 600 });
    expect(bucket.waitMs(3)).toBe(100);
  });

  test('an empty quota of a day comes back as slowly as the service says', async () => {
    const { clock, bucket } = setUp(600);
    bucket.observe({ limit: 600, remaining: 0, resetMs: 600 * MINUTE });
    expect(bucket.waitMs(1)).toBe(MINUTE);
    await clock.advance(2 * MINUTE);
    bucket.observe({ limit: 600, remaining: 1 });
    expect([bucket.waitMs(1), bucket.waitMs(2)]).toEqual([0, 100]);
  });
});
