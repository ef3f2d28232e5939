import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { CircuitBreaker, type HealthSign } from './circuit-breaker.ts';
import { createManualClock } from './fixtures/manual-clock.ts';

function setUp(random: { uniform(): number } = { uniform: () => 1 }) {
  const clock = createManualClock();
  const breaker = new CircuitBreaker(clock, random);
  const call = (sign: HealthSign): boolean => breaker.leave(breaker.enter(), sign);
  const failTrial = async (): Promise<number> => {
    const waitMs = breaker.waitMs;
    await clock.advance(waitMs);
    call('unhealthy');
    return waitMs;
  };
  return { clock, breaker, call, failTrial };
}

describe('closed', () => {
  test('opens after five failures in a row, and not before', () => {
    const { breaker, call } = setUp();
    for (const sign of ['unhealthy', 'unhealthy', 'unhealthy', 'unhealthy', 'healthy', 'none'] as const) call(sign);
    expect(Array.from({ length: 4 }, () => call('unhealthy'))).toEqual([false, false, false, false]);
    expect(breaker.closed).toBe(true);
    expect(call('unhealthy')).toBe(true);
    expect([breaker.closed, breaker.waitMs]).toEqual([false, 1000]);
  });

  test('opens once for calls that fail together', async () => {
    const { clock, breaker } = setUp();
    const epochs = Array.from({ length: 100 }, () => breaker.enter());
    const opened = epochs.map((epoch) => breaker.leave(epoch, 'unhealthy'));
    expect(opened.filter(Boolean)).toHaveLength(1);
    await clock.advance(1000);
    expect(breaker.waitMs).toBe(0);
  });
});

describe('open', () => {
  test('one call tries; the times double up to a minute', async () => {
    const { breaker, call, failTrial } = setUp();
    for (let i = 0; i < 5; i++) call('unhealthy');
    const times = [];
    for (let i = 0; i < 9; i++) times.push(await failTrial());
    expect(times.map((ms) => ms / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(breaker.closed).toBe(false);
  });

  test('times are drawn from the upper half', async () => {
    const random = createRandom(3);
    const { call, breaker, failTrial } = setUp(random);
    for (let i = 0; i < 5; i++) call('unhealthy');
    for (let i = 0; i < 6; i++) await failTrial();
    const drawn = new Set<number>();
    for (let i = 0; i < 50; i++) {
      drawn.add(breaker.waitMs);
      expect(breaker.waitMs).toBeGreaterThanOrEqual(30_000);
      expect(breaker.waitMs).toBeLessThanOrEqual(60_000);
      await failTrial();
    }
    expect(drawn.size).toBeGreaterThan(40);
  });

  test('while the trial runs nobody else passes; one that was given up makes room for the next', async () => {
    const { clock, breaker, call } = setUp();
    for (let i = 0; i < 5; i++) call('unhealthy');
    await clock.advance(1000);
    const epoch = breaker.enter();
    expect(breaker.waitMs).toBe(Infinity);
    breaker.leave(epoch, 'none');
    expect(breaker.waitMs).toBe(0);
    expect(call('healthy')).toBe(true);
    expect([breaker.closed, breaker.waitMs]).toEqual([true, 0]);
  });

  test('what was sent before it opened does not close it', () => {
    const { breaker, call } = setUp();
    const early = breaker.enter();
    for (let i = 0; i < 5; i++) call('unhealthy');
    expect(breaker.leave(early, 'healthy')).toBe(false);
    expect(breaker.closed).toBe(false);
  });
});

describe('given up', () => {
  test.each([
    { answered: false, trials: 3 },
    { answered: true, trials: 10 },
  ])('after $trials failed trials when answered is $answered; the next trial may still heal it', async (setting) => {
    const { clock, breaker, call, failTrial } = setUp();
    if (setting.answered) call('healthy');
    for (let i = 0; i < 5; i++) call('unhealthy');
    for (let i = 0; i < setting.trials; i++) {
      expect(breaker.givenUp).toBe(false);
      await failTrial();
    }
    expect(breaker.givenUp).toBe(true);
    await clock.advance(breaker.waitMs);
    expect(breaker.givenUp).toBe(false);
    call('healthy');
    expect([breaker.closed, breaker.givenUp]).toEqual([true, false]);
  });
});
