import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Usage } from '../../records/index.ts';
import { createBudget } from '../budget.ts';
import type { Stop } from '../flow/abort.ts';
import { createManualClock } from '../flow/fixtures/manual-clock.ts';
import type { CallOutcome, LeaseRequest, ReplicaPool } from '../flow/replica-pool.ts';
import { createMemoryLedger } from '../ledger.ts';
import { callKey, createGateway, type GatewayOptions } from './create-gateway.ts';
import type { Delivered, ServiceCall } from './gateway.ts';
import { ServiceError, type ServiceErrorCode } from './service-error.ts';

const USAGE: Usage = { calls: 1, promptTokens: 1000, completionTokens: 100, usd: null };
const PRICES = { 'model-a': { promptUsdPerMillion: 10, completionUsdPerMillion: 100, cachedPromptUsdPerMillion: 1 } };
const answerSchema = z.object({ text: z.string() });
type Answer = z.infer<typeof answerSchema>;

const delivered = (text = 'yes'): Delivered<Answer> => ({ answer: { text }, usage: USAGE, quota: null });
const failure = (code: ServiceErrorCode, usage?: Usage): ServiceError =>
  new ServiceError(code, 'it failed', { where: 'http://a', ...(usage && { usage }) });

/** Takes replicas in turn, those to avoid last; remembers what it was asked and told. */
function poolOf(first: string, second: string) {
  const requests: LeaseRequest[] = [];
  const outcomes: [string, CallOutcome][] = [];
  const lease: ReplicaPool<string>['lease'] = (request) => {
    requests.push({ ...request, avoid: [...(request.avoid ?? [])] });
    const name = [first, second].find((each) => !request.avoid?.includes(each)) ?? first;
    return Promise.resolve({ name, replica: name, release: (outcome) => void outcomes.push([name, outcome]) });
  };
  const status: ReplicaPool<string>['status'] = () =>
    [first, second].map((name) => ({
      name,
      inFlight: 0,
      concurrency: 1,
      healthy: true,
      coolDownMs: 0,
      calls: 0,
      failures: 0,
      lastFailure: null,
    }));
  return { pool: { lease, status }, requests, outcomes };
}

function callOf(send: ServiceCall<string, Answer>['send'], content: unknown = 'question'): ServiceCall<string, Answer> {
  const estimate = { promptTokens: 2000, completionTokens: 500 };
  return { stage: 'call/policy', model: 'model-a', content, affinity: 'problem 1', estimate, answerSchema, send };
}

function setUp(options: Partial<GatewayOptions<string>> = {}) {
  const { pool, requests, outcomes } = poolOf('a', 'b');
  const clock = createManualClock();
  const ledger = createMemoryLedger();
  const gateway = createGateway({ pool, ledger, prices: PRICES, random: { uniform: () => 0.5 }, clock, ...options });
  return { gateway, ledger, clock, requests, outcomes };
}

/** A call that answers when told, and knows its signals. */
function held() {
  const signals: AbortSignal[] = [];
  let answer: ((value: Delivered<Answer>) => void) | undefined;
  const send = (_: string, { signal }: Stop): Promise<Delivered<Answer>> =>
    new Promise((resolve, reject) => {
      signals.push(signal);
      answer = resolve;
      signal.addEventListener('abort', () => {
        reject(new Error('connection closed'));
      });
    });
  return { send, signals, answer: (text?: string) => answer?.(delivered(text)) };
}

describe('an answer', () => {
  it('is priced and stored before it is handed out, and then comes from the ledger', async () => {
    const { gateway, ledger, outcomes } = setUp();
    const send = vi.fn(async (replica: string) => ({ ...delivered(replica), cachedPromptTokens: 400 }));
    const call = callOf(send);
    const first = await gateway.call(call);
    const usage = { ...USAGE, usd: (600 * 10 + 400 * 1 + 100 * 100) / 1e6 };
    const answered = { answer: { text: 'a' }, usage };
    expect(first).toEqual({ ...answered, cachedPromptTokens: 400, source: 'service' });
    expect(await ledger.get(callKey(call))).toEqual({
      key: callKey(call),
      stage: 'call/policy',
      value: { text: 'a' },
      usage,
    });
    expect(await gateway.call(call)).toEqual({ ...answered, source: 'ledger' });
    expect(send).toHaveBeenCalledTimes(1);
    expect(outcomes).toEqual([['a', { ok: true, latencyMs: 0, tokens: 1100, quota: null }]]);
  });

  it('that cannot be stored is not handed out', async () => {
    const ledger = { ...createMemoryLedger(), put: () => Promise.reject(new Error('disk full')) };
    const { gateway } = setUp({ ledger });
    await expect(gateway.call(callOf(async () => delivered()))).rejects.toThrow('disk full');
  });

  it('of another form in the ledger is an error, not an answer', async () => {
    const { gateway, ledger } = setUp();
    const call = callOf(async () => delivered());
    await ledger.put({ key: callKey(call), stage: 'call/policy', value: { words: 'yes' }, usage: USAGE });
    await expect(gateway.call(call)).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED' });
  });

  it('depends on the content alone', () => {
    const call = callOf(async () => delivered(), { b: 1, a: 2 });
    expect(callKey({ ...call, content: { a: 2, b: 1 } })).toBe(callKey(call));
    expect(callKey({ ...call, content: { a: 2, b: 2 } })).not.toBe(callKey(call));
  });
});

describe('calls of the same content', () => {
  it('share one request while it is in flight, and its cost is told once', async () => {
    const { gateway } = setUp();
    const { send, answer } = held();
    const spy = vi.fn(send);
    const callers = [1, 2, 3].map(() => gateway.call(callOf(spy)));
    await setImmediate();
    answer('shared');
    const results = await Promise.all(callers);
    expect(spy).toHaveBeenCalledTimes(1);
    expect(results.map(({ answer: { text }, usage, source }) => [text, usage.calls, source])).toEqual([
      ['shared', 1, 'service'],
      ['shared', 0, 'in-flight'],
      ['shared', 0, 'in-flight'],
    ]);
  });

  it('leave the others alone when they are aborted; the last one ends the request', async () => {
    const { gateway, ledger, clock } = setUp();
    const { send, signals } = held();
    const controllers = [new AbortController(), new AbortController()];
    const callers = controllers.map(({ signal }) => gateway.call(callOf(send), { signal }));
    const late = gateway.call(callOf(send), { deadlineMs: 100 });
    await setImmediate();
    controllers[0]?.abort();
    await expect(callers[0]).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    controllers[1]?.abort();
    await expect(callers[1]).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(signals[0]?.aborted).toBe(false);
    const [, error] = await Promise.all([clock.advance(100), late.catch((cause: unknown) => cause)]);
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', message: 'no answer within a deadline of 100 ms' });
    expect(signals[0]?.aborted).toBe(true);
    await setImmediate();
    expect(await ledger.usage()).toEqual({});
    expect(clock.pending).toBe(0);
  });

  it('begin anew after one that was given up', async () => {
    const { gateway } = setUp();
    const first = held();
    const controller = new AbortController();
    const aborted = gateway.call(callOf(first.send), { signal: controller.signal });
    await setImmediate();
    controller.abort();
    const again = aborted.catch(() => gateway.call(callOf(async () => delivered('again'))));
    expect(await again).toMatchObject({ answer: { text: 'again' }, source: 'service' });
  });
});

describe('a failed attempt', () => {
  it('is repeated at another replica, within the budget of one call', async () => {
    const budget = createBudget({ calls: 1 });
    const { gateway, clock, requests, outcomes } = setUp({ budget });
    const error = failure('ERR_OVERLOADED');
    const send = async (replica: string): Promise<Delivered<Answer>> => {
      if (replica === 'a') throw error;
      return delivered(replica);
    };
    const { answer } = await clock.runUntil(gateway.call(callOf(send)));
    expect(answer.text).toBe('b');
    expect(requests.map(({ avoid, tokens, affinity }) => [avoid, tokens, affinity])).toEqual([
      [[], 2500, 'problem 1'],
      [['a'], 2500, 'problem 1'],
    ]);
    expect(outcomes.map(([name, { ok }]) => [name, ok])).toEqual([
      ['a', false],
      ['b', true],
    ]);
    expect(budget.status()).toMatchObject({ spent: { calls: 1 }, reserved: { calls: 0, tokens: 0, usd: 0 } });
  });

  it('is repeated elsewhere when it was the fault of how the replica is set up, until no other is left', async () => {
    const { gateway, clock, outcomes } = setUp();
    const send = (): Promise<never> => Promise.reject(failure('ERR_AUTH'));
    await expect(clock.runUntil(gateway.call(callOf(send)))).rejects.toMatchObject({ code: 'ERR_AUTH' });
    expect(outcomes.map(([name]) => name)).toEqual(['a', 'b']);
  });

  it('that was billed counts, though nothing is stored', async () => {
    const budget = createBudget({ usd: 1 });
    const { gateway, ledger } = setUp({ budget });
    const send = (): Promise<never> => Promise.reject(failure('ERR_ANSWER_TRUNCATED', USAGE));
    await expect(gateway.call(callOf(send))).rejects.toMatchObject({ code: 'ERR_ANSWER_TRUNCATED' });
    expect(budget.status().spent).toEqual({ ...USAGE, usd: 0.02 });
    expect(await ledger.usage()).toEqual({});
  });

  it('is over with its timeout', async () => {
    const { gateway, clock, outcomes } = setUp({ timeoutMs: 1000, retry: { maxAttempts: 2 } });
    const { send, signals } = held();
    const work = clock.runUntil(gateway.call(callOf(send)));
    await expect(work).rejects.toMatchObject({ code: 'ERR_TIMEOUT', message: 'no answer within 1 s (2 attempts)' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(outcomes.map(([name]) => name)).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
  });

  it('is told by a deadline that leaves no time for the next', async () => {
    const { gateway, clock } = setUp({ retry: { baseDelayMs: 10_000 } });
    const send = (): Promise<never> => Promise.reject(failure('ERR_SERVER_FAILED'));
    const work = clock.runUntil(gateway.call(callOf(send), { deadlineMs: 3000 }));
    await expect(work).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'no answer within a deadline of 3000 ms; the last attempt: it failed',
    });
  });
});

describe('the budget', () => {
  it('refuses before anything is sent, but not what the ledger has', async () => {
    const budget = createBudget({ calls: 1 });
    const { gateway } = setUp({ budget });
    const send = vi.fn(async () => delivered());
    await gateway.call(callOf(send, 1));
    await expect(gateway.call(callOf(send, 2))).rejects.toMatchObject({ code: 'ERR_BUDGET' });
    expect(await gateway.call(callOf(send, 1))).toMatchObject({ source: 'ledger' });
    expect(send).toHaveBeenCalledTimes(1);
  });

  it('holds calls in flight together', async () => {
    const budget = createBudget({ tokens: 6000 });
    const { gateway } = setUp({ budget });
    let inFlight = 0;
    let most = 0;
    const send = async (): Promise<Delivered<Answer>> => {
      most = Math.max(most, ++inFlight);
      await setImmediate();
      inFlight--;
      return delivered();
    };
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => gateway.call(callOf(send, i))));
    expect(most).toBe(2);
    // 1,100 of the 2,500 that are reserved for each are used: four are paid for, the fifth no longer fits.
    expect(results.map(({ status }) => status)).toEqual([
      ...Array<string>(4).fill('fulfilled'),
      ...Array<string>(4).fill('rejected'),
    ]);
  });

  it('ends calls with its wall time', async () => {
    const clock = createManualClock();
    const { gateway } = setUp({ clock, budget: createBudget({ wallSeconds: 5 }, { clock }) });
    const { send, signals } = held();
    const work = clock.runUntil(gateway.call(callOf(send)));
    await expect(work).rejects.toMatchObject({ code: 'ERR_BUDGET', where: 'budget.wallSeconds' });
    expect(clock.now()).toBe(5000);
    expect(signals[0]?.aborted).toBe(true);
  });

  it('in dollars needs a price', async () => {
    const { gateway } = setUp({ budget: createBudget({ usd: 5 }), prices: {} });
    await expect(gateway.call(callOf(async () => delivered()))).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  });
});

it('closes after the calls in flight', async () => {
  const { gateway, ledger } = setUp();
  const { send, answer } = held();
  const call = gateway.call(callOf(send));
  await setImmediate();
  const closed = gateway.close();
  await expect(gateway.call(callOf(send, 2))).rejects.toMatchObject({ code: 'ERR_INTERNAL' });
  answer();
  await closed;
  expect((await ledger.usage())['call/policy']?.calls).toBe(1);
  expect((await call).source).toBe('service');
});
