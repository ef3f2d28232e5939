// Writes what a vitest run found to the file named by VLPRM_TEST_REPORT: counts, failures, and every skip with its reason.
import { writeFileSync } from 'node:fs';
import process from 'node:process';

/**
 * @typedef {{ name: string, reason: string | null }} SkippedTest
 * @typedef {{ passed: number, failed: string[], skipped: SkippedTest[] }} TestReport
 */

/**
 * The reason of a skip: the note given to `context.skip(note)`, or the parenthesis "(needs …)" in a test's or suite's name.
 *
 * @param {string} name full name of the test
 * @param {string | undefined} note
 * @returns {string | null} null when nobody stated a reason
 */
export function skipReason(name, note) {
  return note ?? /\(((?:needs|skipped|no) [^)]*)\)/.exec(name)?.[1] ?? null;
}

/** A vitest reporter. */
export default class SummaryReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly { message: string }[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {TestReport} */
    const report = {
      passed: 0,
      failed: unhandledErrors.map((error) => `unhandled error: ${error.message}`),
      skipped: [],
    };
    for (const module of modules) {
      const broken = [module, ...module.children.allSuites()].some((part) => part.errors().length > 0);
      if (module.errors().length > 0) report.failed.push(`${module.relativeModuleId} (the file could not be run)`);
      for (const suite of module.children.allSuites())
        if (suite.errors().length > 0)
          report.failed.push(`${module.relativeModuleId} › ${suite.fullName} (a hook failed)`);
      for (const test of module.children.allTests()) {
        const name = `${module.relativeModuleId} › ${test.fullName}`;
        const result = test.result();
        if (result.state === 'passed') report.passed += 1;
        else if (result.state === 'failed') report.failed.push(name);
        else {
          const reason = skipReason(name, result.state === 'skipped' ? result.note : undefined);
          report.skipped.push({
            name,
            reason: reason ?? (broken ? 'not run, because its file or a hook failed' : null),
          });
        }
      }
    }
    if (process.env.VLPRM_TEST_REPORT) writeFileSync(process.env.VLPRM_TEST_REPORT, JSON.stringify(report));
  }
}
