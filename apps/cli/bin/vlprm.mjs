#!/usr/bin/env node
// Runs the command line in a child process: from source in a checkout, from dist in an installed package.
// Standard streams and the exit code are the child's own; signals are passed on to it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const INTERNAL_ERROR = 70;

/** @param {string} path relative to this file */
const locate = (path) => fileURLToPath(new URL(path, import.meta.url));

/** @param {string} what @param {string} fix @returns {never} */
function fail(what, fix) {
  process.stderr.write(`error[ERR_INTERNAL]: ${what}, ${locate('..')}, ${fix}\n`);
  process.exit(INTERNAL_ERROR);
}

/** A checkout's kernels are compiled once; where there is no toolchain the build script records why, and the TypeScript kernels serve. */
function buildNativeOnce() {
  const script = locate('../../../packages/native-cuda/scripts/build-native.mjs');
  const status = locate('../../../packages/native-cuda/prebuilds/local/status.json');
  if (process.env.VLPRM_NATIVE === 'off' || existsSync(status) || !existsSync(script)) return;
  process.stderr.write('vlprm: building the native kernels, once\n');
  spawnSync(process.execPath, [script], { stdio: ['ignore', 2, 2] });
}

/** @returns {string[]} arguments of node up to the entry point */
function entryPoint() {
  const source = locate('../src/main.ts');
  if (!existsSync(source)) return [locate('../dist/main.js')];
  try {
    const loader = import.meta.resolve('tsx');
    buildNativeOnce();
    return ['--conditions=@vlprm/source', '--import', loader, source];
  } catch {
    return fail('the dependencies are not installed', 'run npm ci');
  }
}

const child = spawn(process.execPath, [...entryPoint(), ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
child.on('error', (error) => fail(error.message, 'check the installation of Node'));
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? INTERNAL_ERROR) : 128 + constants.signals[signal];
});
