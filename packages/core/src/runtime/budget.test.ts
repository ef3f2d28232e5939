import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { NO_USAGE, type Usage } from '../records/index.ts';
import { createBudget, usageOfCalls, type BudgetLimits, type CallCost, type Reservation } from './budget.ts';
import { createManualClock } from './flow/fixtures/manual-clock.ts';

const cost = (tokens = 10, usd: number | null = 0): CallCost => ({ model: 'm', tokens, usd });
const usage = (tokens: number | null, usd: number | null = 0): Usage => ({
  calls: 1,
  promptTokens: tokens,
  completionTokens: 0,
  usd,
});
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a budget', () => {
  it.each<[string, BudgetLimits, string]>([
    ['calls', { calls: 2 }, 'the budget of 2 calls is spent: 2 spent, 0 reserved by calls in flight, 1 for this call'],
    ['tokens', { tokens: 25 }, 'the budget of 25 tokens is spent: 20 spent, 0 reserved'],
    ['usd', { usd: 0.5 }, 'the budget of 0.5 US dollars is spent: 0.5 spent'],
  ])('names the limit that binds: %s', async (kind, limits, message) => {
    const budget = createBudget(limits);
    for (let i = 0; i < 2; i++) (await budget.reserve(cost(10, 0.25))).settle(usage(10, 0.25));
    await expect(budget.reserve(cost(10, 0.25))).rejects.toMatchObject({
      code: 'ERR_BUDGET',
      message: expect.stringContaining(message) as string,
      where: `budget.${kind}`,
      fix: expect.stringContaining(`--budget-${kind}`) as string,
    });
  });

  it('refuses every call when there is nothing to spend', async () => {
    await expect(createBudget({ calls: 0 }).reserve(cost())).rejects.toMatchObject({ code: 'ERR_BUDGET' });
  });

  it('goes on with the rest of what earlier runs left', async () => {
    const initial = usageOfCalls({ 'call/policy': usage(60), 'call/judge': usage(30), sample: usage(90) });
    const budget = createBudget({ tokens: 100, calls: 3 }, { initial });
    await expect(budget.reserve(cost(11))).rejects.toMatchObject({ where: 'budget.tokens' });
    (await budget.reserve(cost(10))).settle(usage(1));
    await expect(budget.reserve(cost(1))).rejects.toMatchObject({ where: 'budget.calls' });
    expect(budget.status().spent).toMatchObject({ calls: 3, promptTokens: 91 });
  });

  it('charges what was reserved where the usage is not known, and says that it is not known', async () => {
    const budget = createBudget({ tokens: 30 });
    (await budget.reserve(cost(20))).settle(usage(null, null));
    await expect(budget.reserve(cost(11))).rejects.toMatchObject({ code: 'ERR_BUDGET' });
    expect(budget.status().spent).toEqual({ calls: 1, promptTokens: null, completionTokens: 0, usd: null });
  });

  it('cannot limit dollars without prices, or what earlier calls do not tell', async () => {
    await expect(createBudget({ usd: 1 }).reserve(cost(1, null))).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: 'a budget in dollars, and no price for model "m"',
    });
    expect(() => createBudget({ usd: 1 }, { initial: usage(1, null) })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', where: 'budget.usd' }),
    );
    expect(() => createBudget({ calls: 1 }, { initial: usage(null, null) })).not.toThrow();
  });

  it.each([{ calls: -1 }, { tokens: 0.5 }, { usd: Number.NaN }, { wallSeconds: -1 }])('has no limit %o', (limits) => {
    const [kind] = Object.keys(limits);
    expect(() => createBudget(limits)).toThrow(expect.objectContaining({ code: 'ERR_RANGE', where: `budget.${kind}` }));
  });

  it('ends with its wall time', async () => {
    const clock = createManualClock();
    const budget = createBudget({ wallSeconds: 2 }, { clock });
    expect(budget.remainingMs()).toBe(2000);
    await clock.advance(1999);
    (await budget.reserve(cost())).release();
    await clock.advance(1);
    expect(budget.remainingMs()).toBe(0);
    await expect(budget.reserve(cost())).rejects.toMatchObject({ code: 'ERR_BUDGET', where: 'budget.wallSeconds' });
    expect(createBudget({}).remainingMs()).toBe(Infinity);
  });
});

describe('calls that do not fit beside those in flight', () => {
  it('wait for what these give back, and are refused when it is spent', async () => {
    const budget = createBudget({ tokens: 100 });
    const first = await budget.reserve(cost(60));
    const order: string[] = [];
    const second = budget.reserve(cost(50)).then((reservation) => (order.push('second'), reservation));
    const third = budget.reserve(cost(30)).then((reservation) => (order.push('third'), reservation));
    await settled();
    expect(order).toEqual([]);
    first.settle(usage(20));
    (await second).settle(usage(50));
    (await third).release();
    expect(order).toEqual(['second', 'third']);
    const fourth = await budget.reserve(cost(30));
    const fifth = budget.reserve(cost(1));
    fourth.settle(usage(30));
    await expect(fifth).rejects.toMatchObject({ code: 'ERR_BUDGET' });
    expect(budget.status().reserved).toEqual({ calls: 0, tokens: 0, usd: 0 });
  });

  it('leave the queue when they are aborted, and let the next in', async () => {
    const budget = createBudget({ tokens: 100 });
    const first = await budget.reserve(cost(60));
    const controller = new AbortController();
    const large = budget.reserve(cost(90), controller.signal);
    const small = budget.reserve(cost(40));
    controller.abort();
    await expect(large).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    (await small).release();
    first.release();
    await expect(budget.reserve(cost(1), controller.signal)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  const call = fc.record({
    tokens: fc.nat(40),
    usd: fc.double({ min: 0, max: 0.3, noNaN: true }),
    used: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  });
  test.prop([fc.array(call, { maxLength: 40 }), fc.infiniteStream(fc.nat())])(
    'never pass a limit together, and none waits for ever',
    async (calls, picks) => {
      const limits = { calls: 25, tokens: 300, usd: 2 };
      const budget = createBudget(limits);
      const open: { reservation: Reservation; used: number | null; tokens: number; usd: number }[] = [];
      let ended = 0;
      for (const { tokens, usd, used } of calls) {
        void budget.reserve({ model: 'm', tokens, usd }).then(
          (reservation) => open.push({ reservation, used, tokens, usd }),
          () => (ended += 1),
        );
      }
      const check = (): void => {
        const { spent, reserved } = budget.status();
        expect(spent.calls + reserved.calls).toBeLessThanOrEqual(limits.calls);
        expect((spent.promptTokens ?? NaN) + reserved.tokens).toBeLessThanOrEqual(limits.tokens);
        expect((spent.usd ?? NaN) + reserved.usd).toBeLessThanOrEqual(limits.usd + 1e-9);
      };
      await settled();
      while (open.length > 0) {
        check();
        const [next] = open.splice((picks.next().value as number) % open.length, 1);
        if (next?.used === null) next.reservation.release();
        else if (next) {
          next.reservation.settle(usage(Math.floor(next.tokens * next.used), next.usd * next.used));
        }
        ended += 1;
        await settled();
      }
      check();
      expect(ended).toBe(calls.length);
      expect(budget.status().reserved).toEqual({ calls: 0, tokens: 0, usd: 0 });
    },
  );
});

it('the usage of calls leaves the stages of the pipeline out, which count the same calls', () => {
  expect(usageOfCalls({ sample: usage(5), 'call/prm': usage(7, null) })).toEqual(usage(7, null));
  expect(usageOfCalls({})).toEqual(NO_USAGE);
});
