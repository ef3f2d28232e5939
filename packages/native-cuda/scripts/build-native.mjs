// Builds vlprm.node, vlprm_cuda_emulated.so, and vlprm_cuda.so where nvcc is, into prebuilds/local. Leaves status.json there in every case.
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
  for (const file of ['vlprm.node', 'vlprm_cuda.so', 'vlprm_cuda_emulated.so'])
    rmSync(join(output, file), { force: true });
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

function cmake(script, command, tools) {
  const cuda = process.env.VLPRM_CUDA ?? 'AUTO';
  const args = [script, command, '--directory', root, '--out', join(root, 'build'), `--CDVLPRM_CUDA=${cuda}`];
  const run = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CXX: tools.cxx.name },
  });
  return { passed: run.status === 0, log: `${run.stdout ?? ''}${run.stderr ?? ''}`.trimEnd() };
}

/** Null, or the line that says what failed. A build folder left by another compiler or place is thrown away and made again. */
function compile(script, tools) {
  if (cmake(script, 'compile', tools).passed) return null;
  rmSync(join(root, 'build'), { recursive: true, force: true });
  const { passed, log } = cmake(script, 'compile', tools);
  if (passed) return null;
  const lines = log.split('\n');
  console.error(lines.slice(-40).join('\n'));
  return lines.find((line) => /error/i.test(line))?.trim() ?? 'cmake-js said nothing';
}

function cudaStatus(built, tools) {
  if (built) return { built, nvcc: tools.nvcc };
  const off = process.env.VLPRM_CUDA === 'OFF';
  return { built, reason: off ? 'VLPRM_CUDA=OFF' : 'nvcc was not found' };
}

const started = Date.now();
if (process.env.VLPRM_NATIVE === 'off') giveUp('VLPRM_NATIVE=off');
const tools = toolchain();
if (tools.missing.length > 0) giveUp(tools.missing.join('; '));
const script = cmakeJs();
if (script === null) giveUp('cmake-js is not installed (npm install)');
const failure = compile(script, tools);
if (failure !== null) giveUp(`the build failed: ${failure}`);
mkdirSync(output, { recursive: true });
if (!install('vlprm.node')) giveUp('the build left no vlprm.node');
install('vlprm_cuda_emulated.so');
const cuda = cudaStatus(install('vlprm_cuda.so'), tools);
writeStatus({ built: true, cmake: tools.cmake, compiler: tools.cxx.version, cuda });
const seconds = ((Date.now() - started) / 1000).toFixed(1);
const parts = cuda.built ? 'cpu and cuda' : `cpu (no cuda: ${cuda.reason})`;
console.error(`native kernels built in ${seconds} s: ${parts}`);
