// The C++ tests of one project: those of its CMakeLists.txt that need no Node, where the native build was possible.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { cudaChoice } from '../../packages/native-cuda/scripts/toolchain.mjs';
import { workspaceRoot } from '../setup.mjs';
import { failedOutcome, skippedOutcome } from './outcome.mjs';

/**
 * Counts what vlprm_test printed: `ok NAME` or `FAIL NAME` for each case, after lines of its own,
 * of which `skipped on the device: REASON` makes it a skip.
 *
 * @param {string} output
 * @param {string} name what to call the suite
 * @returns {import('./outcome.mjs').Outcome}
 */
export function readCases(output, name) {
  /** @type {import('./outcome.mjs').Outcome} */
  const outcome = { passed: 0, failed: [], skipped: [] };
  /** @type {string | null} */
  let skip = null;
  for (const line of output.split('\n')) {
    skip = /^ +skipped on the device: (.+)$/.exec(line)?.[1] ?? skip;
    const [, verdict, test] = /^(ok|FAIL) +(.+)$/.exec(line) ?? [];
    if (verdict === undefined) continue;
    const full = `${name} › ${test}`;
    if (verdict === 'FAIL') outcome.failed.push(full);
    else if (skip !== null) outcome.skipped.push({ name: full, reason: `no CUDA device: ${skip}` });
    else outcome.passed += 1;
    skip = null;
  }
  return outcome;
}

/** @param {string} folder @param {string} build the folder that scripts/test-native.mjs uses too @returns {boolean} */
function buildTests(folder, build) {
  const configure = [
    '-S',
    folder,
    '-B',
    build,
    '-DVLPRM_TESTS=ON',
    `-DVLPRM_CUDA=${cudaChoice()}`,
    '-DVLPRM_SANITIZE=',
  ];
  const compile = ['--build', build, '--target', 'vlprm_test', '--parallel', String(availableParallelism())];
  return [configure, compile].every(
    (args) => spawnSync('cmake', args, { stdio: ['ignore', 'ignore', 2] }).status === 0,
  );
}

/**
 * @param {import('./outcome.mjs').Project} project
 * @param {readonly { what: string, reason: string }[]} notBuilt what the set-up left out
 * @returns {import('./outcome.mjs').Outcome[]} none for a project without C++ tests
 */
export function runCppTests({ folder }, notBuilt) {
  const tests = join(folder, 'csrc', 'test');
  if (!existsSync(tests)) return [];
  const name = relative(workspaceRoot, tests);
  const missing = notBuilt.find(({ what }) => what === 'native kernels');
  if (missing) return [skippedOutcome(name, `native code was not built: ${missing.reason}`)];
  const build = join(folder, 'build', 'test');
  if (!buildTests(folder, build)) return [failedOutcome(`${name}: the C++ tests could not be built`)];
  const { status, stdout } = spawnSync(join(build, 'vlprm_test'), [], {
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
  });
  process.stderr.write(stdout ?? '');
  const outcome = readCases(stdout ?? '', name);
  if (status !== 0 && outcome.failed.length === 0) outcome.failed.push(`${name}: vlprm_test ended with ${status}`);
  return [outcome];
}
