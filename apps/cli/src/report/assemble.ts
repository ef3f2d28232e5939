import { findingsOf } from './findings.ts';
import { reportSchema, type Report } from './report-schema.ts';
import { targetsOf, type Measured } from './targets.ts';

/** The report of what was measured, with its targets and findings worked out. */
export function assembleReport(measured: Measured): Report {
  const targets = targetsOf(measured);
  return reportSchema.parse({
    ...measured,
    gates: { ...measured.gates, targets, passed: targets.every((target) => target.passed) },
    findings: findingsOf(measured),
  } satisfies Report);
}
