// Builds vlprm.node, and vlprm_cuda.so where nvcc is, into prebuilds/local. Leaves status.json there in every case.
// Without a toolchain, or with VLPRM_NATIVE=off, it says why and exits 0: the TypeScript kernels serve.
// VLPRM_NATIVE=required turns every such case into exit 1.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolchain } from './toolchain.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = join(root, 'prebuilds', 'local');
const required = process.env.VLPRM_NATIVE === 'required';

function writeStatus(status) {
  mkdirSync(output, { recursive: true });
  writeFileSync(join(output, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
}

/** Ends the script: nothing was built, so nothing old may be loaded either. */
function giveUp(reason) {
  for (const file of ['vlprm.node', 'vlprm_cuda.so']) rmSync(join(output, file), { force: true });
  writeStatus({ built: false, reason });
  console.error(`native kernels not built: ${reason}${required ? '' : '; the TypeScript kernels serve instead'}`);
  process.exit(required ? 1 : 0);
}

/** By rename: a process that has the old file mapped keeps it. */
function install(file) {
  const built = join(root, 'build', 'Release', file);
  const target = join(output, file);
  if (!existsSync(built)) {
    rmSync(target, { force: true });
    return false;
  }
  const staged = `${target}.${process.pid}`;
  copyFileSync(built, staged);
  renameSync(staged, target);
  return true;
}

function cmakeJs() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  } catch {
    return null;
  }
}

function compile(script, tools) {
  const cuda = process.env.VLPRM_CUDA ?? 'AUTO';
  const args = [script, 'compile', '--directory', root, '--out', join(root, 'build'), `--CDVLPRM_CUDA=${cuda}`];
  const run = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CXX: tools.cxx.name },
  });
  if (run.status === 0) return null;
  const log = `${run.stdout ?? ''}${run.stderr ?? ''}`.trimEnd();
  console.error(log.split('\n').slice(-40).join('\n'));
  return log.split('\n').find((line) => /error/i.test(line)) ?? `cmake-js ended with ${run.status ?? run.signal}`;
}

const started = Date.now();
if (process.env.VLPRM_NATIVE === 'off') giveUp('VLPRM_NATIVE=off');
const tools = toolchain();
if (tools.missing.length > 0) giveUp(tools.missing.join('; '));
const script = cmakeJs();
if (script === null) giveUp('cmake-js is not installed (npm install)');
const failure = compile(script, tools);
if (failure !== null) giveUp(`the build failed: ${failure.trim()}`);
mkdirSync(output, { recursive: true });
if (!install('vlprm.node')) giveUp('the build left no vlprm.node');
const cuda = install('vlprm_cuda.so');
writeStatus({ built: true, cuda, cmake: tools.cmake, compiler: tools.cxx.version, nvcc: tools.nvcc });
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.error(
  `native kernels built in ${seconds} s: cpu${cuda ? ' and cuda' : ` (no cuda: ${tools.nvcc === null ? 'nvcc was not found' : 'VLPRM_CUDA=OFF'})`}`,
);
