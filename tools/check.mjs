// `npm run check`: format, lint, project references, typecheck and build. Not the tests.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setUpOrExit, workspaceRoot } from './setup.mjs';

const modules = join(workspaceRoot, 'node_modules');

/** @type {readonly { name: string, script: string, args: string[], repair?: string }[]} */
const STEPS = [
  {
    name: 'format',
    script: 'prettier/bin/prettier.cjs',
    args: ['--check', '--log-level=warn', '.'],
    repair: 'npm run format',
  },
  { name: 'project references', script: 'nx/dist/bin/nx.js', args: ['sync:check'], repair: 'npx nx sync' },
  { name: 'lint', script: 'eslint/bin/eslint.js', args: ['.'] },
  { name: 'typecheck of tools', script: 'typescript/bin/tsc', args: ['-p', 'tools/tsconfig.check.json'] },
  {
    name: 'typecheck and build',
    script: 'nx/dist/bin/nx.js',
    args: ['run-many', '-t', 'typecheck', 'build', '--outputStyle=static'],
  },
];

/** @param {(typeof STEPS)[number]} step @returns {boolean} */
function runStep({ name, script, args, repair }) {
  const start = performance.now();
  process.stderr.write(`\ncheck: ${name}\n`);
  const { status } = spawnSync(process.execPath, [join(modules, script), ...args], {
    cwd: workspaceRoot,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' },
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const hint = status !== 0 && repair ? ` (repair: ${repair})` : '';
  process.stdout.write(`check: ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s${hint}\n`);
  return status === 0;
}

setUpOrExit();
const results = STEPS.map(runStep);
const passed = results.filter(Boolean).length;
const failed = results.length - passed;
process.stdout.write(`${passed} passed, ${failed} failed, 0 skipped\n`);
if (process.env.VLPRM_CHECK_SUMMARY)
  writeFileSync(process.env.VLPRM_CHECK_SUMMARY, JSON.stringify({ passed, failed, skipped: 0 }));
process.exitCode = failed > 0 ? 1 : 0;
