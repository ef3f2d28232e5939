import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { ServiceError, type ServiceErrorCode } from '../gateway/service-error.ts';
import { createRandom } from '../random.ts';
import { createManualClock } from './fixtures/manual-clock.ts';
import { DEFAULT_RETRY, retry, type RetryOptions } from './retry.ts';

const failure = (code: ServiceErrorCode, retryAfterMs?: number): ServiceError =>
  new ServiceError(code, 'it failed', { where: 'http://a', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });

/** Fails with the given errors in turn, then answers; tells the times of the attempts. */
async function run(errors: readonly Error[], options: RetryOptions = {}) {
  const clock = createManualClock();
  const times: number[] = [];
  const work = retry(
    async (number) => {
      times.push(clock.now());
      const error = errors[number - 1];
      if (error !== undefined) throw error;
      return number;
    },
    { random: createRandom(1), clock, ...options },
  );
  const outcome = await clock.runUntil(
    work.then(
      (value) => ({ value, error: undefined }),
      (error: unknown) => ({ value: undefined, error }),
    ),
  );
  return { ...outcome, times, pending: clock.pending };
}

describe('what is tried again', () => {
  test('failures that may pass, until it succeeds', async () => {
    const { times, ...outcome } = await run([failure('ERR_SERVER_FAILED'), failure('ERR_RATE_LIMITED')]);
    expect(outcome).toEqual({ value: 3, error: undefined, pending: 0 });
    expect(times).toHaveLength(3);
  });

  test.each([failure('ERR_CONTENT_FILTER'), failure('ERR_AUTH'), new Error('a defect')])(
    'not %s: it stands as it is',
    async (error) => {
      const outcome = await run([error]);
      expect(outcome).toMatchObject({ error, times: [0] });
    },
  );

  test('nothing after the last attempt: its error says how many there were', async () => {
    const { error, times } = await run(Array(9).fill(failure('ERR_TIMEOUT')), { maxAttempts: 4 });
    expect(times).toHaveLength(4);
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', message: 'it failed (4 attempts)', where: 'http://a' });
  });

  test('what the caller says', async () => {
    const { value } = await run([failure('ERR_AUTH')], { mayRetry: ({ code }) => code === 'ERR_AUTH' });
    expect(value).toBe(2);
  });
});

describe('how long it waits', () => {
  property.prop([fc.nat(), fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined })])(
    'no shorter than the service asked, at most the exponential bound longer',
    async (seed, retryAfterMs) => {
      const { times } = await run(Array(5).fill(failure('ERR_OVERLOADED', retryAfterMs)), {
        random: createRandom(seed),
        baseDelayMs: 100,
        maxDelayMs: 500,
      });
      expect(times).toHaveLength(6);
      const jitters = times.slice(1).map((time, i) => time - (times[i] as number) - (retryAfterMs ?? 0));
      jitters.forEach((jitter, i) => {
        expect(jitter).toBeGreaterThanOrEqual(-1e-6);
        expect(jitter).toBeLessThanOrEqual(Math.min(500, 100 * 2 ** i) + 1e-6);
      });
    },
  );

  test('not at all where the wait would be longer than is sensible, or than there is time', async () => {
    const long = await run([failure('ERR_RATE_LIMITED', DEFAULT_RETRY.maxRetryAfterMs + 1)]);
    expect(long).toMatchObject({ times: [0], error: { message: 'it failed (it asks to wait 601 s)' } });
    const late = await run([failure('ERR_RATE_LIMITED', 2000)], { deadlineAt: 2000 });
    expect(late).toMatchObject({
      times: [0],
      error: { code: 'ERR_RATE_LIMITED', message: 'it failed (no time is left for another)', retryAfterMs: 2000 },
    });
  });

  test('an abort ends the wait', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const work = retry(() => Promise.reject(failure('ERR_OVERLOADED', 1000)), { clock, signal: controller.signal });
    await clock.advance(500);
    controller.abort();
    await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(clock.pending).toBe(0);
  });

  test('an abort during an attempt is no failure of the service', async () => {
    const controller = new AbortController();
    const work = retry(
      async () => {
        controller.abort();
        throw failure('ERR_CONNECTION_LOST');
      },
      { signal: controller.signal },
    );
    await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});
