import { textTable } from '../terminal/table.ts';
import type { Report } from './report-schema.ts';

/** The one table that a run ends with: every target, what was measured, and whether it was reached. */
export function headlineTable(report: Report): string {
  const { targets } = report.gates;
  const reached = targets.filter((target) => target.passed).length;
  const rows = targets.map((target) => [
    target.name,
    target.measured,
    target.target,
    target.passed ? 'reached' : 'SHORT',
  ]);
  const table = textTable(
    [{ title: 'Figure' }, { title: 'Measured' }, { title: 'Target' }, { title: 'Verdict' }],
    rows,
  );
  return `${table}\n\n${reached} of ${targets.length} targets reached on ${report.problems.testNovel} novel problems, seed ${report.seed}.\n`;
}
