// Builds vlprm.node into prebuilds/local, and vlprm_cuda.so where nvcc and an NVIDIA driver are (VLPRM_CUDA=ON: wherever nvcc is).
// `--emulation` also builds vlprm_cuda_emulated.so, on which the tests run. Leaves status.json there in every case.
// Without a toolchain, or with VLPRM_NATIVE=off, it says why and exits 0: the TypeScript kernels serve.
// VLPRM_NATIVE=required turns every such case into exit 1.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cudaChoice, toolchain } from './toolchain.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = join(root, 'prebuilds', 'local');
const required = process.env.VLPRM_NATIVE === 'required';
const { values: flags } = parseArgs({ options: { emulation: { type: 'boolean', default: false } } });

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
  const cuda = cudaChoice();
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
  if (process.env.VLPRM_CUDA === 'OFF') return { built, reason: 'VLPRM_CUDA=OFF' };
  if (tools.nvcc === null) return { built, reason: 'nvcc was not found' };
  return { built, reason: 'there is no NVIDIA driver; VLPRM_CUDA=ON builds it all the same' };
}

/** The kernels on the CPU: a target that nothing else needs. */
function buildEmulation() {
  const args = ['--build', join(root, 'build'), '--config', 'Release', '--target', 'vlprm_cuda_emulated'];
  const run = spawnSync('cmake', args, { encoding: 'utf8' });
  if (run.status === 0 && install('vlprm_cuda_emulated.so')) return;
  console.error(`${run.stdout}${run.stderr}`.split('\n').slice(-40).join('\n'));
  giveUp('the emulation of the CUDA module cannot be built');
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
if (flags.emulation && process.platform === 'linux') buildEmulation();
// A module that an earlier build left is not of these sources.
if (cudaChoice() === 'OFF') rmSync(join(root, 'build', 'Release', 'vlprm_cuda.so'), { force: true });
const cuda = cudaStatus(install('vlprm_cuda.so'), tools);
writeStatus({ built: true, cmake: tools.cmake, compiler: tools.cxx.version, cuda });
const seconds = ((Date.now() - started) / 1000).toFixed(1);
const parts = cuda.built ? 'cpu and cuda' : `cpu (no cuda: ${cuda.reason})`;
console.error(`native kernels built in ${seconds} s: ${parts}`);
