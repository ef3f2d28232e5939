import { expect, test } from 'vitest';
import { compare, median, type Comparison, type Peer, type Row } from './measure.ts';
import { startPython, type PythonEnvironment } from './python.ts';
import { tableLines, withTable } from './table.ts';
import { verdicts } from './targets.ts';

const NO_PYTHON: PythonEnvironment = { python: { reason: 'no Python here' }, versions: {} };

function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

async function rowsOf(peers: readonly Peer[], seen: number[] = []): Promise<Row[]> {
  const comparison: Comparison = {
    name: 'op 1x1',
    subject: 'ours',
    threads: 1,
    work: 'nothing',
    run: (sample) => {
      seen.push(sample);
      spin(0.2);
    },
    peers,
    samples: 6,
  };
  const rows: Row[] = [];
  for await (const row of compare(comparison, NO_PYTHON, 2)) rows.push(row);
  return rows;
}

test('the median of an even number of values is the mean of the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 3])).toBe(3);
});

test('a slower peer has a ratio above 1, and every sample its own number', async () => {
  const seen: number[] = [];
  const [row] = await rowsOf([{ peer: 'slow', tier: 'as-used', run: () => spin(1) }], seen);
  expect(row?.ratio).toBeGreaterThan(1);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBeGreaterThanOrEqual(6);
});

test('what was measured on a part is scaled, and says so', async () => {
  const peer: Peer = { peer: 'part', tier: 'as-used', run: () => spin(0.2), scale: 1000, note: 'a thousandth' };
  const [row] = await rowsOf([peer]);
  expect(row?.ratio).toBeGreaterThan(10);
  expect(row?.note).toContain('a thousandth');
});

test('what cannot be measured is a row with its reason', async () => {
  const rows = await rowsOf([
    { peer: 'absent', tier: 'as-used', unavailable: 'not installed' },
    { peer: 'Python', tier: 'as-used', python: { case: 'numpy_peers.step_score', parameters: { threads: 1 } } },
    { peer: 'broken', tier: 'as-used', runAsync: () => Promise.reject(new Error('went wrong')) },
  ]);
  expect(rows.map(({ ratio, reason }) => [ratio, reason])).toEqual([
    [null, 'not installed'],
    [null, 'no Python here'],
    [null, 'went wrong'],
  ]);
});

test('an interpreter that does not start is a reason too', async () => {
  const environment = { python: '/nonexistent/python', versions: {} };
  const started = await startPython({ case: 'numpy_peers.step_score', parameters: { threads: 1 } }, environment);
  expect(started).toHaveProperty('reason');
});

test('a target is decided by the smallest ratio of its rows, and by none that was not measured', async () => {
  const [measured] = await rowsOf([{ peer: 'slow', tier: 'as-used', run: () => spin(1) }]);
  const rows = [3, 2, null].map((ratio): Row => ({ ...(measured as Row), ratio }));
  const of = (minimum: number, peer: string) => ({ target: 't', row: { name: 'op', peer }, minimum });
  expect(verdicts([of(2, 'slow'), of(2.5, 'slow'), of(1, 'other')], rows).map(({ verdict }) => verdict)).toEqual([
    'reached',
    'missed',
    'not measured',
  ]);
});

test('a table takes the place of the one under its header', async () => {
  const [row] = await rowsOf([{ peer: 'absent', tier: 'as-used', unavailable: 'not installed' }]);
  const table = tableLines([row as Row], ['op']);
  const page = ['before', ...table.slice(0, 2), '| old |', '', 'after'].join('\n');
  expect(withTable(page, table).split('\n')).toEqual(['before', ...table, '', 'after']);
  expect(table.at(-1)).toContain('not measured');
});
