/** Writes the tables of docs/kernels anew from the committed result: `npx nx run native-cuda:bench-documents`. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Row } from './measure.ts';
import { PAGES, tableLines, targetLines, withTable } from './table.ts';
import type { Verdict } from './targets.ts';

const PAGES_FOLDER = new URL('../../../docs/kernels/', import.meta.url);
const { rows, targets } = JSON.parse(readFileSync(new URL('results/cpu.json', import.meta.url), 'utf8')) as {
  rows: Row[];
  targets: Verdict[];
};

function rewrite(page: string, table: readonly string[]): void {
  const file = new URL(`${page}.md`, PAGES_FOLDER);
  writeFileSync(file, withTable(readFileSync(file, 'utf8'), table));
}

for (const [page, names] of Object.entries(PAGES)) rewrite(page, tableLines(rows, names));
rewrite('benchmarks', targetLines(targets));
