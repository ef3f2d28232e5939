// The TypeScript and JavaScript tests of one project.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { workspaceRoot } from '../setup.mjs';
import { failedOutcome } from './outcome.mjs';

const vitest = join(workspaceRoot, 'node_modules', 'vitest', 'vitest.mjs');
const reporter = fileURLToPath(new URL('./vitest-reporter.mjs', import.meta.url));

/**
 * @param {import('./outcome.mjs').Project} project
 * @param {'ignore' | 2} [output] where vitest's own output goes; by default to stderr
 * @returns {import('./outcome.mjs').Outcome} a project in which no test was collected has failed
 */
export function runVitest({ name, folder }, output = 2) {
  const scratch = mkdtempSync(join(tmpdir(), 'vlprm-test-'));
  try {
    const reportFile = join(scratch, 'report.json');
    const { status } = spawnSync(process.execPath, [vitest, 'run', '--reporter=default', `--reporter=${reporter}`], {
      cwd: folder,
      env: { ...process.env, VLPRM_TEST_REPORT: reportFile },
      stdio: ['ignore', output, output],
    });
    if (!existsSync(reportFile)) return failedOutcome(`${name}: vitest ended (${status}) without a report`);
    /** @type {import('./outcome.mjs').Outcome} */
    const outcome = JSON.parse(readFileSync(reportFile, 'utf8'));
    if (outcome.passed + outcome.failed.length + outcome.skipped.length === 0)
      return failedOutcome(`${name}: no test was collected`);
    if (status !== 0 && outcome.failed.length === 0)
      return { ...outcome, failed: [`${name}: vitest ended with exit code ${status} although no test failed`] };
    return outcome;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
