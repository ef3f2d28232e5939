// Builds vlprm.node and the emulation of CUDA under AddressSanitizer and UndefinedBehaviorSanitizer, into build/sanitized.
// To load it: LD_PRELOAD the libraries that this prints, VLPRM_NATIVE_PATH=build/sanitized/vlprm.node.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const build = join(root, 'build', 'sanitized');
const require = createRequire(import.meta.url);

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  console.error(error === undefined ? `${stdout}${stderr}` : `${command}: ${error.message}`);
  process.exit(1);
}

const headers = [
  join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
  dirname(require.resolve('node-addon-api/package.json')),
];
run('cmake', [
  '-S',
  root,
  '-B',
  build,
  `-DCMAKE_JS_INC=${headers.join(';')}`,
  '-DVLPRM_CUDA=OFF',
  '-DVLPRM_SANITIZE=address;undefined',
]);
run('cmake', ['--build', build, '--parallel', '2', '--target', 'vlprm', 'vlprm_cuda_emulated']);
const compiler = process.env.CXX || 'c++';
const libraries = ['libasan.so', 'libstdc++.so'].map((name) => run(compiler, [`-print-file-name=${name}`]));
console.log(libraries.join(' '));
