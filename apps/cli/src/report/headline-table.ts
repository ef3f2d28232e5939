import { textTable } from '../terminal/table.ts';
import type { Report } from './report-schema.ts';

/** The one table that a run ends with: every target, what was measured, and whether it was reached. */
export function headlineTable(report: Report): string {
  const { targets } = report.gates;
  const reached = targets.filter((target) => target.passed).length;
  const rows = targets.map(({ passed, name, measured, target }) => [passed ? 'ok' : 'SHORT', name, measured, target]);
  const table = textTable([{ title: '' }, { title: 'Figure' }, { title: 'Measured' }, { title: 'Target' }], rows);
  return `${table}\n\n${reached} of ${targets.length} targets reached on ${report.problems.testNovel} novel problems, seed ${report.seed}.\n`;
}
