// The Python tests (unittest) of one project, where there is a Python that has the packages.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { workspaceRoot } from '../setup.mjs';
import { failedOutcome, skippedOutcome } from './outcome.mjs';

const runner = fileURLToPath(new URL('./python-tests.py', import.meta.url));

/** @param {string} root @returns {string[]} folders from `root` down that hold Python tests */
function listTestFolders(root) {
  if (!existsSync(root)) return [];
  const tests = readdirSync(root, { withFileTypes: true, recursive: true }).filter(
    (entry) => entry.isFile() && /^test_.*\.py$/.test(entry.name),
  );
  return [...new Set(tests.map((entry) => entry.parentPath))];
}

/** @param {string} requirements text of a requirements.txt @returns {string[]} package names */
export function packageNames(requirements) {
  return requirements
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => /** @type {string} */ (/^[\w.-]+/.exec(line)?.[0]));
}

/**
 * @param {readonly string[]} packages importable names
 * @returns {{ python: string } | { reason: string }} an interpreter that has them, or why there is none
 */
function findPython(packages) {
  const named = process.env.VLPRM_PYTHON;
  const candidates =
    named && named !== 'required' ? [named] : [join(workspaceRoot, '.venv', 'bin', 'python'), 'python3'];
  const probe = `import ${packages.join(', ')}`;
  const python = candidates.find((candidate) => spawnSync(candidate, ['-c', probe], { stdio: 'ignore' }).status === 0);
  return python === undefined
    ? { reason: `no Python with ${packages.join(', ')}; VLPRM_PYTHON names an interpreter` }
    : { python };
}

/** @param {string} python @param {string} folder @returns {import('./outcome.mjs').Outcome} */
function runFolder(python, folder) {
  const name = relative(workspaceRoot, folder);
  const { status, stdout } = spawnSync(python, [runner, folder], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
  });
  const report = stdout?.trim().split('\n').at(-1) ?? '';
  if (!report.startsWith('{')) return failedOutcome(`${name}: the Python tests ended (${status}) without a report`);
  return JSON.parse(report);
}

/**
 * @param {import('./outcome.mjs').Project} project its Python is in `python/`, with a requirements.txt
 * @returns {import('./outcome.mjs').Outcome[]} one for each folder with tests
 */
export function runPythonTests({ folder }) {
  const folders = listTestFolders(join(folder, 'python'));
  if (folders.length === 0) return [];
  const found = findPython(packageNames(readFileSync(join(folder, 'python', 'requirements.txt'), 'utf8')));
  return folders.map((tests) =>
    'python' in found ? runFolder(found.python, tests) : skippedOutcome(relative(workspaceRoot, tests), found.reason),
  );
}
