/** The pages of the kernels say what the code and the committed measurements say. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Row } from '../bench/measure.ts';
import { PAGES as TABLES, tableLines, targetLines, withTable } from '../bench/table.ts';
import type { Verdict } from '../bench/targets.ts';
import { NATIVE_ERROR_CODES } from './errors.ts';
import { OPS } from './kernels.ts';

const ROOT = new URL('../', import.meta.url);
const PAGES = new URL('../../../docs/kernels/', import.meta.url);

function page(name: string): string {
  return readFileSync(new URL(`${name}.md`, PAGES), 'utf8');
}

test.each(OPS)('%s has its header, kernel, definition, test and page under its name', (op) => {
  const files = [
    `csrc/ops/${op}.h`,
    `csrc/cpu/${op}.cc`,
    `csrc/test/${op}.cc`,
    `src/ops/${op}.ts`,
    `src/ops/${op}.test.ts`,
    `src/js/${op}.ts`,
  ];
  expect(files.filter((file) => !existsSync(new URL(file, ROOT)))).toEqual([]);
  expect(page(op)).toContain(`# ${op}\n`);
});

const { rows, targets } = JSON.parse(readFileSync(new URL('bench/results/cpu.json', ROOT), 'utf8')) as {
  rows: Row[];
  targets: Verdict[];
};

function expectQuoted(name: string, table: readonly string[]): void {
  expect(page(name)).toContain(table[0]);
  expect(page(name)).toBe(withTable(page(name), table));
}

test.each(Object.entries(TABLES))('the page of %s quotes the committed result', (name, prefixes) => {
  expectQuoted(name, tableLines(rows, prefixes));
});

test('the page of the benchmarks quotes the committed targets', () => {
  expectQuoted('benchmarks', targetLines(targets));
});

test('the error page lists the codes that there are', () => {
  const listed = [...page('errors').matchAll(/^\| `(ERR_\w+)` \|/gm)].map(([, code]) => code);
  expect(listed.toSorted()).toEqual(NATIVE_ERROR_CODES.toSorted());
});
