import { describe, expect, it } from 'vitest';
import type { Usage } from '../records/index.ts';
import { createMemoryLedger, createTotalsLedger } from './ledger.ts';
import type { LedgerEntry } from './ledger.ts';

const usage = (calls: number, usd: number | null = 0): Usage => ({ calls, promptTokens: 10, completionTokens: 1, usd });
const entry = (key: string, value: unknown = { key }, stage = 'sample'): LedgerEntry => ({
  key,
  stage,
  value,
  usage: usage(1),
});

describe('createMemoryLedger', () => {
  it('gives back what was put, and nothing else', async () => {
    const ledger = createMemoryLedger();
    await ledger.put(entry('a'));
    await ledger.putMany([entry('b'), entry('c')]);
    expect(await ledger.get('a')).toEqual(entry('a'));
    expect(await ledger.get('z')).toBeNull();
    expect(await ledger.getMany(['c', 'z', 'a'])).toEqual(
      new Map([
        ['c', entry('c')],
        ['a', entry('a')],
      ]),
    );
  });

  it('keeps the first entry of a key, and counts its cost once', async () => {
    const ledger = createMemoryLedger();
    await ledger.put(entry('a', 1));
    await ledger.put(entry('a', 2));
    await ledger.putMany([entry('b', 1), entry('b', 2)]);
    expect((await ledger.get('a'))?.value).toBe(1);
    expect((await ledger.get('b'))?.value).toBe(1);
    expect((await ledger.usage())['sample']?.calls).toBe(2);
  });

  it('is not changed by what its users do to their values', async () => {
    const ledger = createMemoryLedger();
    const value = { list: [1] };
    await ledger.put(entry('a', value));
    value.list.push(2);
    ((await ledger.get('a'))?.value as typeof value).list.push(3);
    expect((await ledger.get('a'))?.value).toEqual({ list: [1] });
  });

  it('stores all of many entries or none', async () => {
    const ledger = createMemoryLedger();
    await expect(ledger.putMany([entry('a'), entry('b', Number.NaN)])).rejects.toMatchObject({ code: 'ERR_INTERNAL' });
    expect(await ledger.get('a')).toBeNull();
    const negative = { ...entry('a'), usage: usage(-1) };
    await expect(ledger.put(negative)).rejects.toMatchObject({ code: 'ERR_INTERNAL', where: 'ledger entry a: calls' });
  });

  it('keeps a transaction as a whole, and shows it its own writes', async () => {
    const ledger = createMemoryLedger();
    const seen = await ledger.transaction(async (inside) => {
      await inside.put(entry('a', 1));
      await inside.put(entry('a', 2));
      expect(await ledger.get('a')).toBeNull();
      return (await inside.get('a'))?.value;
    });
    expect(seen).toBe(1);
    expect((await ledger.get('a'))?.value).toBe(1);
  });

  it('forgets a transaction that throws', async () => {
    const ledger = createMemoryLedger();
    const failing = ledger.transaction(async (inside) => {
      await inside.put(entry('a'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await ledger.get('a')).toBeNull();
    expect(await ledger.usage()).toEqual({});
  });

  it('sums usage by stage; an unknown cost makes that sum unknown, not zero', async () => {
    const ledger = createMemoryLedger();
    await ledger.putMany([
      { ...entry('a'), usage: usage(1, 0.5) },
      { ...entry('b'), usage: usage(2, 0.25) },
      { ...entry('c', null, 'judge'), usage: usage(1, null) },
      { ...entry('d', null, 'judge'), usage: usage(1, 1) },
    ]);
    expect(await ledger.usage()).toEqual({
      sample: { calls: 3, promptTokens: 20, completionTokens: 2, usd: 0.75 },
      judge: { calls: 2, promptTokens: 20, completionTokens: 2, usd: null },
    });
  });
});

describe('createTotalsLedger', () => {
  it('sums what was put, and finds nothing again', async () => {
    const ledger = createTotalsLedger();
    await ledger.put(entry('a'));
    await ledger.putMany([entry('b'), entry('c', 1, 'judge')]);
    expect(await ledger.get('a')).toBeNull();
    expect(await ledger.getMany(['a', 'b'])).toEqual(new Map());
    expect(await ledger.usage()).toEqual({
      sample: { ...usage(2), promptTokens: 20, completionTokens: 2 },
      judge: usage(1),
    });
  });

  it('counts a transaction as a whole or not at all', async () => {
    const ledger = createTotalsLedger();
    const failing = ledger.transaction(async (inner) => {
      await inner.put(entry('a'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await ledger.usage()).toEqual({});
    await ledger.transaction((inner) => inner.putMany([entry('a'), entry('b')]));
    expect((await ledger.usage())['sample']?.calls).toBe(2);
  });
});
