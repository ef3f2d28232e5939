import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { AdaptiveConcurrency, type LoadSign } from './adaptive-concurrency.ts';

/** Fills the limit, then lets all of it come back; returns how many calls it had in flight. */
function roundTrip(limiter: AdaptiveConcurrency, sign: (index: number) => LoadSign = () => ({ latencyMs: 1000 })) {
  const tickets: number[] = [];
  while (limiter.hasRoom) tickets.push(limiter.enter());
  tickets.forEach((ticket, i) => limiter.leave(ticket, sign(i)));
  return tickets.length;
}

const rounds = (limiter: AdaptiveConcurrency, count: number, sign?: (index: number) => LoadSign): number[] =>
  Array.from({ length: count }, () => roundTrip(limiter, sign));

describe('growth', () => {
  test('doubles until the first overload, and then goes by the square root, up to the maximum', () => {
    const limiter = new AdaptiveConcurrency({ max: 1000, initial: 4 });
    expect(rounds(limiter, 4)).toEqual([4, 8, 16, 32]);
    while (limiter.limit < 900) roundTrip(limiter);
    roundTrip(limiter, (i) => (i === 0 ? 'overload' : { latencyMs: 1000 }));
    const after = limiter.limit;
    roundTrip(limiter);
    expect(limiter.limit - after).toBeGreaterThan(Math.sqrt(after) / 2 - 1);
    expect(limiter.limit - after).toBeLessThan(Math.sqrt(after) + 1);
    rounds(limiter, 200);
    expect(limiter.limit).toBe(1000);
  });

  test('waits for calls that need it', () => {
    const limiter = new AdaptiveConcurrency({ max: 1000 });
    for (let i = 0; i < 1000; i++) limiter.leave(limiter.enter(), { latencyMs: 10 });
    expect(limiter.limit).toBe(32);
  });
});

describe('decrease', () => {
  test('one a round trip, however many calls were refused', () => {
    const limiter = new AdaptiveConcurrency({ max: 100, initial: 100 });
    roundTrip(limiter, () => 'overload');
    expect(limiter.limit).toBe(70);
    roundTrip(limiter, () => 'overload');
    expect(limiter.limit).toBe(49);
  });

  test('counts from what was in flight: a limit that was not used is no measure', () => {
    const limiter = new AdaptiveConcurrency({ max: 100, initial: 100 });
    const tickets = Array.from({ length: 10 }, () => limiter.enter());
    limiter.leave(tickets[0]!, 'overload');
    expect(limiter.limit).toBe(7);
  });

  test('never below one', () => {
    const limiter = new AdaptiveConcurrency({ max: 100, initial: 2 });
    rounds(limiter, 50, () => 'overload');
    expect(limiter.limit).toBe(1);
    rounds(limiter, 3);
    expect(limiter.limit).toBeGreaterThan(1);
  });

  test('when latency leaves its long-run mean, until the new one is usual', () => {
    const limiter = new AdaptiveConcurrency({ max: 256, initial: 256 });
    rounds(limiter, 3);
    expect(limiter.limit).toBe(256);
    const queued = rounds(limiter, 4, () => ({ latencyMs: 5000 }));
    expect(queued.at(-1)).toBeLessThan(180);
    rounds(limiter, 60, () => ({ latencyMs: 5000 }));
    expect(limiter.limit).toBe(256);
  });

  test('not for one slow answer, nor for a slow moment of this process', () => {
    const limiter = new AdaptiveConcurrency({ max: 64, initial: 64 });
    rounds(limiter, 20, (i) => ({ latencyMs: i === 7 ? 10_000 : 1000 }));
    rounds(limiter, 1, () => ({ latencyMs: 1 }));
    rounds(limiter, 20, () => ({ latencyMs: 80 }));
    expect(limiter.limit).toBe(64);
  });

  test('not for calls of a kind that takes longer than the others', () => {
    const limiter = new AdaptiveConcurrency({ max: 64, initial: 64 });
    rounds(limiter, 5, () => ({ latencyMs: 50, kind: 'score' }));
    rounds(limiter, 5, (i) =>
      i % 2 === 0 ? { latencyMs: 50, kind: 'score' } : { latencyMs: 60_000, kind: 'solution' },
    );
    rounds(limiter, 5, () => ({ latencyMs: 60_000, kind: 'solution' }));
    expect(limiter.limit).toBe(64);
  });
});

test('a restart begins anew, and what was sent before tells nothing', () => {
  const limiter = new AdaptiveConcurrency({ max: 64, initial: 16 });
  rounds(limiter, 10);
  const ticket = limiter.enter();
  limiter.restart();
  expect(limiter.limit).toBe(16);
  limiter.leave(ticket, 'overload');
  expect(limiter.limit).toBe(16);
});

property.prop([fc.nat(), fc.integer({ min: 1, max: 300 })])(
  'stays within its bounds, whatever happens',
  (seed, max) => {
    const random = createRandom(seed);
    const limiter = new AdaptiveConcurrency({ max });
    const signs: LoadSign[] = ['overload', 'none', { latencyMs: 1 }, { latencyMs: 1e5 }];
    for (let i = 0; i < 50; i++) {
      expect(roundTrip(limiter, () => random.pick(signs))).toBeGreaterThanOrEqual(1);
      expect(limiter.limit).toBeLessThanOrEqual(max);
      expect(limiter.inFlight).toBe(0);
    }
  },
);

/** A server that answers `capacity` calls at once in a second and refuses the rest. */
test('settles around the capacity of a server that refuses what is too much', () => {
  const capacity = 100;
  const limiter = new AdaptiveConcurrency({ max: 1000 });
  const sign = (i: number): LoadSign => (i < capacity ? { latencyMs: 1000 } : 'overload');
  rounds(limiter, 20, sign);
  const sizes = rounds(limiter, 100, sign);
  const mean = sizes.reduce((a, b) => a + b, 0) / sizes.length;
  expect(mean).toBeGreaterThan(0.7 * capacity);
  expect(mean).toBeLessThan(1.1 * capacity);
});
