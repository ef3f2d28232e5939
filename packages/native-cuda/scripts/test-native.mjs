// Builds and runs the C++ tests, which need no Node: `node scripts/test-native.mjs [--sanitize "address;undefined"]`.
// The same by hand: cmake -S . -B build/test -DVLPRM_TESTS=ON && cmake --build build/test && ctest --test-dir build/test
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cudaChoice } from './toolchain.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { sanitize: { type: 'string', default: '' } } });
const build = join(root, 'build', values.sanitize === '' ? 'test' : `test-${values.sanitize.replaceAll(';', '-')}`);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status === 0) return;
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  process.exit(1);
}

// The host compiler of the CUDA module takes no sanitizer.
const cuda = values.sanitize === '' ? cudaChoice() : 'OFF';
run('cmake', [
  '-S',
  root,
  '-B',
  build,
  '-DVLPRM_TESTS=ON',
  `-DVLPRM_CUDA=${cuda}`,
  `-DVLPRM_SANITIZE=${values.sanitize}`,
]);
run('cmake', ['--build', build, '--parallel', '2']);
run('ctest', ['--test-dir', build, '--output-on-failure']);
