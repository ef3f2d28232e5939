import type { ModelSpending } from '@vlprm/api/platform';
import { grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';

const known = (count: number | null): string => (count === null ? 'unknown' : grouped(count));

/** What calls to endpoints have cost, a row for each use of a model; empty when there were none. */
export function spentText(spent: readonly ModelSpending[]): string {
  if (spent.length === 0) return '';
  const rows = spent.map(({ use, model, usage }) => [
    use,
    model ?? '',
    grouped(usage.calls),
    known(usage.promptTokens),
    known(usage.completionTokens),
    usage.usd === null ? 'unknown' : usage.usd.toFixed(4),
  ]);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'Calls for' },
    { title: 'Model' },
    right('Calls'),
    right('Prompt'),
    right('Written'),
    right('USD'),
  ];
  return `\n${textTable(columns, rows)}\n`;
}
