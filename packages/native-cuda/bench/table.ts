import type { Row } from './measure.ts';

function outcome({ tier, ratio }: Row): string {
  if (ratio === null) return 'not measured';
  return tier === 'floor' ? `${(100 * ratio).toFixed(0)}% of the floor` : `${ratio.toFixed(1)}×`;
}

function milliseconds(value: number | null): string {
  return value === null ? '' : value.toFixed(3);
}

/** The rows of an op as the lines of the table that its page in docs/kernels shows. */
export function tableLines(rows: readonly Row[], op: string): string[] {
  const lines = rows
    .filter(({ name }) => name.startsWith(op))
    .map(
      (row) =>
        `| ${row.name} | ${row.peer} | ${outcome(row)} | ${milliseconds(row.subjectMedian)} | ${milliseconds(row.peerMedian)} |`,
    );
  return ['| work | against | result | ours, ms | theirs, ms |', '|---|---|---|---|---|', ...lines];
}
