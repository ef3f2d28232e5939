import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { VlprmError } from '../errors.ts';
import { sleep, untilAborted, within, type Stop } from './abort.ts';
import { systemClock } from './clock.ts';
import { createManualClock } from './fixtures/manual-clock.ts';

const never = (): Promise<never> => new Promise(() => undefined);
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

test('work within its limits returns, and leaves no timer and no listener', async () => {
  const clock = createManualClock();
  const { signal } = new AbortController();
  for (let i = 0; i < 100; i++) {
    await within({ signal, timeoutMs: 1000 }, async (own) => expect(own.signal.aborted).toBe(false), clock);
    await expect(within({ signal, timeoutMs: 1000 }, () => Promise.reject(new Error('x')), clock)).rejects.toThrow('x');
    await expect(
      within(
        { signal },
        () => {
          throw new Error('at once');
        },
        clock,
      ),
    ).rejects.toThrow('at once');
  }
  expect([clock.pending, listeners(signal)]).toEqual([0, 0]);
});

test('a thousand calls may wait for one signal: one listener, which goes with the last of them', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const one = new AbortController();
  const short = within({ signal: one.signal }, (own) => within({ signal }, () => untilAborted(never(), own.signal)));
  const calls = Array.from({ length: 1000 }, () => within({ signal }, never));
  expect(listeners(signal)).toBe(1);
  one.abort();
  await expect(short).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect(listeners(signal)).toBe(1);
  controller.abort();
  const ends = await Promise.allSettled(calls);
  expect(ends.every((end) => end.status === 'rejected' && VlprmError.is(end.reason))).toBe(true);
  expect(listeners(signal)).toBe(0);
});

test('a timeout ends work that does not heed its signal, and its signal tells why', async () => {
  const clock = createManualClock();
  const { signal } = new AbortController();
  let own: AbortSignal | undefined;
  const work = within({ signal, timeoutMs: 1500 }, (given) => ((own = given.signal), never()), clock);
  const failed = expect(work).rejects.toMatchObject({ code: 'ERR_TIMEOUT', retryable: true, message: /1\.5 s/ });
  await clock.advance(1499);
  expect(own?.aborted).toBe(false);
  await clock.advance(1);
  await failed;
  expect(own?.reason).toMatchObject({ code: 'ERR_TIMEOUT' });
  expect([clock.pending, listeners(signal)]).toEqual([0, 0]);
});

test("a caller's abort is not a timeout, and ends work at once", async () => {
  const clock = createManualClock();
  const controller = new AbortController();
  const work = within({ signal: controller.signal, timeoutMs: 1000 }, never, clock);
  controller.abort('enough');
  await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' });
  expect([clock.pending, listeners(controller.signal)]).toEqual([0, 0]);
  await expect(within({ signal: controller.signal }, never, clock)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});

test('an outer deadline reaches inner work as the error that it is', async () => {
  const clock = createManualClock();
  const over = new VlprmError('ERR_TIMEOUT', 'the deadline is over');
  const work = within(
    { timeoutMs: 100, timeoutError: () => over },
    ({ signal }) => within({ signal, timeoutMs: 500 }, never, clock),
    clock,
  );
  const failed = expect(work).rejects.toBe(over);
  await clock.advance(100);
  await failed;
  expect(clock.pending).toBe(0);
});

test('one of several who wait for the same work can leave', async () => {
  let finish: (value: number) => void = () => undefined;
  const shared = new Promise<number>((resolve) => (finish = resolve));
  const controller = new AbortController();
  const leaves = untilAborted(shared, controller.signal);
  const stays = untilAborted(shared, new AbortController().signal);
  controller.abort();
  await expect(leaves).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  finish(7);
  await expect(stays).resolves.toBe(7);
  await expect(untilAborted(Promise.reject(new Error('late')), controller.signal)).rejects.toMatchObject({
    code: 'ERR_ABORTED',
  });
  expect(listeners(controller.signal)).toBe(0);
});

test('a sleep ends with the time or with the abort, and leaves nothing', async () => {
  const clock = createManualClock();
  const controller = new AbortController();
  const first = sleep(10, controller.signal, clock);
  await clock.advance(10);
  await first;
  const second = sleep(10, controller.signal, clock);
  controller.abort();
  await expect(second).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  await expect(sleep(10, controller.signal, clock)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect([clock.pending, listeners(controller.signal)]).toEqual([0, 0]);
});

test('the clock of the system waits for longer than a timer can', async () => {
  let fired = false;
  const cancel = systemClock.after(2 ** 40, () => (fired = true));
  await sleep(20);
  cancel();
  expect(fired).toBe(false);
});

test('a signal that is asked for after the stop has fired tells why', async () => {
  const clock = createManualClock();
  let late: Stop | undefined;
  const work = within({ timeoutMs: 100 }, (stop) => ((late = stop), never()), clock);
  const failed = expect(work).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  await clock.advance(100);
  await failed;
  expect(late?.signal).toMatchObject({ aborted: true, reason: { code: 'ERR_TIMEOUT' } });
});
