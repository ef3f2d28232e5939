// What there is to build with. Run as a script it prints one line that changes with the toolchain (cache input of build-native).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * First line of `command --version`, or null when it cannot be run.
 *
 * @param {string} command
 * @param {(text: string) => string} pick
 */
function version(command, pick = (text) => text.split('\n')[0] ?? '') {
  const run = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return run.status === 0 ? pick(run.stdout).trim() : null;
}

function compiler() {
  const names = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  for (const name of names) {
    const found = version(name);
    if (found !== null) return { name, version: found };
  }
  return null;
}

const MINIMUM_CMAKE = { major: 3, minor: 22 };

/** @param {string | null} text */
function cmakeShortcoming(text) {
  if (text === null) return 'cmake was not found';
  const match = /(\d+)\.(\d+)/.exec(text);
  const [major, minor] = match === null ? [0, 0] : [Number(match[1]), Number(match[2])];
  const recent = major > MINIMUM_CMAKE.major || (major === MINIMUM_CMAKE.major && minor >= MINIMUM_CMAKE.minor);
  return recent ? null : `cmake is older than ${MINIMUM_CMAKE.major}.${MINIMUM_CMAKE.minor} (${text})`;
}

/** Versions of the tools, and what is missing for a build (empty when nothing is). */
export function toolchain() {
  const cmake = version('cmake');
  const cxx = compiler();
  const missing = [];
  const shortcoming = cmakeShortcoming(cmake);
  if (shortcoming !== null) missing.push(shortcoming);
  if (cxx === null)
    missing.push(
      process.env.CXX
        ? `the C++ compiler CXX=${process.env.CXX} cannot be run`
        : 'no C++ compiler was found (c++, g++, clang++)',
    );
  if (version('ninja') === null && version('make') === null) missing.push('neither ninja nor make was found');
  return { cmake, cxx, nvcc: version('nvcc', (text) => /release .*/.exec(text)?.[0] ?? text), missing };
}

/**
 * VLPRM_CUDA for CMake. Kernels for five generations of devices take a minute to compile, so AUTO is OFF where no driver could run them.
 *
 * @returns {string} AUTO, ON or OFF
 */
export function cudaChoice() {
  const named = process.env.VLPRM_CUDA || 'AUTO';
  const driver = ['/proc/driver/nvidia/version', '/dev/dxg'].some((path) => existsSync(path));
  return named === 'AUTO' && !driver ? 'OFF' : named;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { cmake, cxx, nvcc } = toolchain();
  console.log([process.platform, process.arch, cmake, cxx?.version, nvcc].join(' | '));
}
