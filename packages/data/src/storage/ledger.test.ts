import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerEntry } from '@vlprm/core/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { killCalls } from '../testing/killed-calls.ts';
import { openSqliteLedger } from './ledger.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vlprm-ledger-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function entry(key: string, fields: Partial<LedgerEntry> = {}): LedgerEntry {
  const usage = { calls: 1, promptTokens: 10, completionTokens: 3, usd: 0.5 };
  return { key, stage: 'sample', value: { text: `value of ${key}`, nested: [1, null, { a: true }] }, usage, ...fields };
}

describe('the SQLite ledger', () => {
  it('keeps entries over a reopening', async () => {
    const path = join(dir, 'deep', 'ledger.sqlite');
    const first = openSqliteLedger(path);
    await first.putMany([
      entry('a'),
      entry('b', { usage: { calls: 2, promptTokens: null, completionTokens: 1, usd: null } }),
    ]);
    await first.close();
    const second = openSqliteLedger(path);
    expect(await second.get('a')).toEqual(entry('a'));
    expect(await second.getMany(['b', 'none', 'a'])).toEqual(
      new Map([
        ['b', entry('b', { usage: { calls: 2, promptTokens: null, completionTokens: 1, usd: null } })],
        ['a', entry('a')],
      ]),
    );
    expect(await second.get('none')).toBeNull();
    await second.close();
  });

  it('keeps the first entry of a key, so that a repeated put costs nothing', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    await ledger.put(entry('a'));
    await ledger.put(entry('a', { value: 'other', usage: { calls: 9, promptTokens: 9, completionTokens: 9, usd: 9 } }));
    expect(await ledger.get('a')).toEqual(entry('a'));
    expect(await ledger.usage()).toEqual({ sample: entry('a').usage });
    await ledger.close();
  });

  it('sums usage by stage, and an unknown part stays unknown', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    await ledger.putMany([
      entry('a'),
      entry('b'),
      entry('c', { stage: 'judge', usage: { calls: 1, promptTokens: null, completionTokens: 4, usd: 0 } }),
      entry('d', { stage: 'judge' }),
    ]);
    expect(await ledger.usage()).toEqual({
      judge: { calls: 2, promptTokens: null, completionTokens: 7, usd: 0.5 },
      sample: { calls: 2, promptTokens: 20, completionTokens: 6, usd: 1 },
    });
    await ledger.close();
  });

  it('stores a batch as a whole or not at all', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    await expect(ledger.putMany([entry('a'), entry('b', { value: Number.NaN })])).rejects.toThrow();
    expect(await ledger.get('a')).toBeNull();
    await ledger.putMany([entry('a')]);
    expect(await ledger.get('a')).toEqual(entry('a'));
    await ledger.close();
  });

  it('stores puts of one moment together, and the one that cannot be stored fails alone', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    const count = 5000;
    const puts = Array.from({ length: count }, (_, i) => ledger.put(entry(`k${i}`, { value: i })));
    const bad = ledger.put(entry('bad', { value: Number.NaN }));
    const second = ledger.put(entry('k7', { value: 'second' }));
    const seen = ledger.getMany(['k7', 'k4999', 'bad']);
    await expect(bad).rejects.toMatchObject({ code: 'ERR_INTERNAL' });
    await Promise.all([...puts, second]);
    expect([...(await seen).values()].map(({ value }) => value)).toEqual([7, 4999]);
    expect((await ledger.usage())['sample']?.calls).toBe(count);
    await ledger.close();
  });

  it('stores what was put before it is closed', async () => {
    const path = join(dir, 'ledger.sqlite');
    const first = openSqliteLedger(path);
    const puts = Array.from({ length: 3000 }, (_, i) => first.put(entry(`k${i}`)));
    await Promise.all([...puts, first.close()]);
    await expect(first.get('k1')).rejects.toMatchObject({ code: 'ERR_INTERNAL' });
    await expect(first.usage()).rejects.toMatchObject({ code: 'ERR_INTERNAL' });
    await first.close();
    const second = openSqliteLedger(path);
    expect((await second.usage())['sample']?.calls).toBe(3000);
    await second.close();
  });

  it('gives each reader values of its own', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    await ledger.put(entry('a', { value: [1] }));
    const [one, other] = await Promise.all([ledger.get('a'), ledger.get('a')]);
    (one?.value as number[]).push(2);
    expect(other?.value).toEqual([1]);
    await ledger.close();
  });

  it('tells keys apart that begin alike', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    const keys = Array.from({ length: 50 }, (_, i) => `problem-with-a-long-name-${i}`);
    await ledger.putMany(keys.map((key) => entry(key, { value: key })));
    await ledger.putMany(keys.map((key) => entry(key, { value: 'again' })));
    const found = await ledger.getMany([...keys, 'problem-with-a-long-name']);
    expect([...found.values()].map(({ value }) => value)).toEqual(keys);
    await ledger.close();
  });

  it('rolls a transaction back when its work throws, and others wait for its end', async () => {
    const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const failing = ledger.transaction(async (inner) => {
      await inner.put(entry('a'));
      expect(await inner.get('a')).toEqual(entry('a'));
      await held;
      throw new Error('stop');
    });
    const seen = ledger.get('a');
    release?.();
    await expect(failing).rejects.toThrow('stop');
    expect(await seen).toBeNull();
    expect(await ledger.transaction((inner) => inner.put(entry('b')).then(() => 7))).toBe(7);
    expect((await ledger.get('b'))?.key).toBe('b');
    await ledger.close();
  });

  it('refuses a file that is no database, and a ledger of a later version', async () => {
    const garbage = join(dir, 'garbage.sqlite');
    await writeFile(garbage, 'this is no database, '.repeat(100));
    expect(() => openSqliteLedger(garbage)).toThrow(expect.objectContaining({ code: 'ERR_FILE_MALFORMED' }));
    const { default: Database } = await import('libsql');
    const later = new Database(join(dir, 'later.sqlite'));
    later.exec('PRAGMA user_version = 99');
    later.close();
    expect(() => openSqliteLedger(join(dir, 'later.sqlite'))).toThrow(
      expect.objectContaining({ code: 'ERR_SCHEMA_VERSION' }),
    );
  });

  it('loses nothing that was acknowledged when the process is killed', async () => {
    const path = join(dir, 'ledger.sqlite');
    const script = join(dir, 'writer.mts');
    await writeFile(
      script,
      `import { openSqliteLedger } from ${JSON.stringify(new URL('./ledger.ts', import.meta.url).href)};
      const ledger = openSqliteLedger(${JSON.stringify(path)});
      const usage = { calls: 1, promptTokens: 1, completionTokens: 1, usd: null };
      for (let i = 0; ; i += 2) {
        await ledger.putMany([i, i + 1].map((n) => ({ key: 'k' + n, stage: 'sample', value: n, usage })));
        process.stdout.write('stored ' + (i + 1) + '\\n');
      }`,
    );
    const child = spawn(process.execPath, ['--conditions=@vlprm/source', '--import', 'tsx', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: new URL('.', import.meta.url),
    });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve());
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
        if (output.split('\n').length > 100) child.kill('SIGKILL');
      });
    });
    expect(child.signalCode).toBe('SIGKILL');
    const acknowledged = Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1)?.split(' ')[1]);
    expect(acknowledged).toBeGreaterThan(100);
    const ledger = openSqliteLedger(path);
    const keys = Array.from({ length: acknowledged + 1 }, (_, i) => `k${i}`);
    const found = await ledger.getMany(keys);
    expect([...found.values()].map(({ value }) => value)).toEqual(keys.map((_, i) => i));
    const total = (await ledger.usage())['sample']?.calls ?? 0;
    expect(total % 2).toBe(0);
    await ledger.close();
  });
});

const ELEVEN_STARTS_MS = 180_000;

it(
  'a run that is killed again and again loses calls in flight, and nothing that was answered',
  async () => {
    const calls = 1200;
    const kills = 10;
    const result = await killCalls({ ledgerPath: join(dir, 'ledger.sqlite'), calls, inFlight: 16, kills, seed: 1 });
    expect(result.answers).toEqual(new Map(Array.from({ length: calls }, (_, i) => [i, i ** 2])));
    expect(result).toMatchObject({ storedCalls: calls, integrity: 'ok', repeatedAfterAnswer: 0 });
    expect(result.inFlightAtKills).toBeGreaterThan(kills);
    expect(result.repeated).toBeLessThanOrEqual(result.inFlightAtKills);
  },
  ELEVEN_STARTS_MS,
);
