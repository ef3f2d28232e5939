// `npm test`: sets up, then runs every test of every project; `npm test -- core tts` runs those projects only.
// The last lines say what was skipped and why, and close with `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { setUpOrExit, workspaceRoot } from './setup.mjs';
import { skipFailure, skipLines } from './skips.mjs';

/**
 * @typedef {{ name: string, reason: string | null }} Skip
 * @typedef {{ passed: number, failed: string[], skipped: Skip[] }} Outcome
 * @typedef {{ name: string, folder: string }} Project
 */

const PYTHON_PACKAGES = ['torch', 'numpy', 'onnx', 'onnxscript'];

/** @returns {Project[]} every workspace package, and the tools themselves */
function listProjects() {
  const packages = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(workspaceRoot, group))
      .map((name) => ({ name, folder: join(workspaceRoot, group, name) }))
      .filter(({ folder }) => existsSync(join(folder, 'package.json'))),
  );
  return [...packages, { name: 'tools', folder: join(workspaceRoot, 'tools') }];
}

/** @param {string} command @param {string[]} args @param {import('node:child_process').SpawnSyncOptions} options */
function runToStderr(command, args, options) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], ...options });
}

/** @param {Project} project @param {string} scratch @returns {Outcome} */
function runVitest({ name, folder }, scratch) {
  const reportFile = join(scratch, `${name}.json`);
  const vitest = join(workspaceRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = join(workspaceRoot, 'tools', 'vitest-reporter.mjs');
  const { status } = runToStderr(process.execPath, [vitest, 'run', '--reporter=default', `--reporter=${reporter}`], {
    cwd: folder,
    env: { ...process.env, VLPRM_TEST_REPORT: reportFile },
  });
  if (!existsSync(reportFile))
    return { passed: 0, failed: [`${name}: vitest ended (${status}) without a report`], skipped: [] };
  /** @type {Outcome} */
  const outcome = JSON.parse(readFileSync(reportFile, 'utf8'));
  const collected = outcome.passed + outcome.failed.length + outcome.skipped.length;
  if (collected === 0) return { ...outcome, failed: [`${name}: no test was collected`] };
  if (status !== 0 && outcome.failed.length === 0)
    return { ...outcome, failed: [`${name}: vitest ended with exit code ${status} although no test failed`] };
  return outcome;
}

/** @param {string} root @returns {string[]} folders below `root` that hold Python tests */
function findPythonTestFolders(root) {
  const folders = readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /^test_.*\.py$/.test(entry.name))
    .map((entry) => entry.parentPath)
    .filter((folder) => !/node_modules|\.venv/.test(folder));
  return [...new Set(folders)];
}

/** @returns {{ python: string } | { reason: string }} an interpreter that has the packages, or why there is none */
function findPython() {
  const named = process.env.VLPRM_PYTHON;
  const inVenv = join(workspaceRoot, '.venv', 'bin', 'python');
  const candidates = named && named !== 'required' ? [named] : [inVenv, 'python3'];
  const probe = `import ${PYTHON_PACKAGES.join(', ')}`;
  const python = candidates.find((candidate) => spawnSync(candidate, ['-c', probe], { stdio: 'ignore' }).status === 0);
  if (python !== undefined) return { python };
  return {
    reason: `no Python with ${PYTHON_PACKAGES.join(', ')} (looked at ${candidates.map((path) => relative('.', path)).join(', ')}; VLPRM_PYTHON names another)`,
  };
}

/** @param {Project} project @returns {Outcome[]} one per folder with Python tests */
function runPythonTests({ name, folder }) {
  const folders = existsSync(join(folder, 'python')) ? findPythonTestFolders(join(folder, 'python')) : [];
  if (folders.length === 0) return [];
  const found = findPython();
  if (!('python' in found))
    return folders.map((tests) => ({
      passed: 0,
      failed: [],
      skipped: [{ name: relative(workspaceRoot, tests), reason: found.reason }],
    }));
  return folders.map((tests) => {
    const { status, stdout } = spawnSync(found.python, [join(workspaceRoot, 'tools', 'python-tests.py'), tests], {
      cwd: tests,
      stdio: ['ignore', 'pipe', 2],
      encoding: 'utf8',
    });
    const report = stdout.trim().split('\n').at(-1) ?? '';
    if (!report.startsWith('{'))
      return { passed: 0, failed: [`${name}: the Python tests ended (${status}) without a report`], skipped: [] };
    return JSON.parse(report);
  });
}

/** @param {readonly Outcome[]} outcomes @returns {Outcome} the sum, with every skip that is an error counted as a failure */
function sumUp(outcomes) {
  const skipped = outcomes.flatMap((outcome) => outcome.skipped);
  const unjustified = skipped.filter((skip) => skipFailure(skip, process.env) !== null);
  return {
    passed: outcomes.reduce((sum, outcome) => sum + outcome.passed, 0),
    failed: [
      ...outcomes.flatMap((outcome) => outcome.failed),
      ...unjustified.map((skip) => `${skip.name}: ${skipFailure(skip, process.env)}`),
    ],
    skipped: skipped.filter((skip) => !unjustified.includes(skip)),
  };
}

function main() {
  const { skipped: notBuilt } = setUpOrExit();
  const wanted = process.argv.slice(2);
  const projects = listProjects().filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const scratch = mkdtempSync(join(tmpdir(), 'vlprm-tests-'));
  const outcomes = projects.flatMap((project) => {
    process.stderr.write(`\ntest: ${project.name}\n`);
    return [runVitest(project, scratch), ...runPythonTests(project)];
  });
  rmSync(scratch, { recursive: true, force: true });

  const { passed, failed, skipped } = sumUp(outcomes);
  const lines = [
    '',
    ...failed.map((name) => `failed: ${name}`),
    ...notBuilt.map(({ what, reason }) => `not built: ${what}: ${reason}`),
    ...skipLines(skipped).map((line) => `skipped: ${line}`),
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (process.env.VLPRM_TEST_SUMMARY)
    writeFileSync(
      process.env.VLPRM_TEST_SUMMARY,
      JSON.stringify({ passed, failed: failed.length, skipped: skipped.length }),
    );
  process.exitCode = failed.length > 0 ? 1 : 0;
}

main();
