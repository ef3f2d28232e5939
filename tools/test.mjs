// `npm test`: sets up, then runs every test of every project; `npm test -- core tts` runs those projects only.
// The last lines say what was skipped and why, and close with `N passed, N failed, N skipped`.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setUpOrExit, workspaceRoot } from './setup.mjs';
import { skipLines } from './skips.mjs';
import { runCppTests } from './suites/cpp.mjs';
import { sumOutcomes } from './suites/outcome.mjs';
import { runPythonTests } from './suites/python.mjs';
import { runVitest } from './suites/vitest.mjs';

/** @returns {import('./suites/outcome.mjs').Project[]} every workspace package, and the tools themselves */
function listProjects() {
  const packages = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(workspaceRoot, group))
      .map((name) => ({ name, folder: join(workspaceRoot, group, name) }))
      .filter(({ folder }) => existsSync(join(folder, 'package.json'))),
  );
  return [...packages, { name: 'tools', folder: join(workspaceRoot, 'tools') }];
}

/** @param {readonly string[]} wanted names; none means all @returns {import('./suites/outcome.mjs').Project[]} */
function selectProjects(wanted) {
  const projects = listProjects();
  const names = projects.map(({ name }) => name);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length === 0) return projects.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  process.stderr.write(`test: no project is called ${unknown.join(', ')}; there are ${names.join(', ')}\n`);
  process.exit(2);
}

const projects = selectProjects(process.argv.slice(2));
const { skipped: notBuilt } = setUpOrExit();
const outcomes = projects.flatMap((project) => {
  process.stderr.write(`\ntest: ${project.name}\n`);
  return [runVitest(project), ...runPythonTests(project), ...runCppTests(project, notBuilt)];
});
const { passed, failed, skipped } = sumOutcomes(outcomes, process.env);
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
