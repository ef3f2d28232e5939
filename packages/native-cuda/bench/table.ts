import type { Row } from './measure.ts';
import type { Verdict } from './targets.ts';

/** How the subject did against the peer. */
export function outcome({ tier, ratio }: Row): string {
  if (ratio === null) return 'not measured';
  return tier === 'floor'
    ? `${(100 * ratio).toFixed(0)}% of the floor`
    : `${ratio >= 1000 ? ratio.toFixed(0) : ratio.toFixed(1)}×`;
}

function milliseconds(value: number | null): string {
  return value === null ? '' : value.toFixed(3);
}

/** The rows whose names begin with one of `names`, as the lines of the table that a page in docs/kernels shows. */
export function tableLines(rows: readonly Row[], names: readonly string[]): string[] {
  const lines = rows
    .filter(({ name }) => names.some((prefix) => name.startsWith(prefix)))
    .map((row) => {
      const times = `${milliseconds(row.subjectMedian)} | ${milliseconds(row.peerMedian)}`;
      return `| ${row.name} | ${row.threads} | ${row.peer} | ${outcome(row)} | ${times} |`;
    });
  return ['| work | threads | against | result | ours, ms | theirs, ms |', '|---|---|---|---|---|---|', ...lines];
}

/** The targets as a table. */
export function targetLines(targets: readonly Verdict[]): string[] {
  const lines = targets.map(
    ({ target, verdict, measured }) => `| ${target} | ${measured?.toFixed(2) ?? ''} | ${verdict} |`,
  );
  return ['| target | measured | |', '|---|---|---|', ...lines];
}

/** Pages of docs/kernels that show a table, and the beginnings of the names of its rows. */
export const PAGES: Readonly<Record<string, readonly string[]>> = {
  stepScore: ['stepScore'],
  stepLoss: ['stepLoss'],
  adamw: ['adamw'],
  mcLabels: ['mcLabels'],
  puctSelect: ['tree search'],
  valueBackup: ['valueBackup'],
};

/** `page` with the table under `header` (its first line) replaced; as it is where it has none. */
export function withTable(page: string, table: readonly string[]): string {
  const lines = page.split('\n');
  const begin = lines.indexOf(table[0] as string);
  if (begin < 0) return page;
  const length = lines.slice(begin).findIndex((line) => !line.startsWith('|'));
  return lines.toSpliced(begin, length, ...table).join('\n');
}
