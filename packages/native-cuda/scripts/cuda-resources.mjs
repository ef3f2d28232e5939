// What every CUDA kernel needs, as the assembler reports it: `node scripts/cuda-resources.mjs [FILE]` compiles csrc/cuda/*.cu for the
// architectures of cmake/CudaModule.cmake and writes registers, shared memory, stack and spills as JSON. Exit code 1 if a kernel spills.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const OPTIONS = ['-std=c++17', '-O3', '-fmad=false'];

function run(command, args, input) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    input,
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return `${stdout}${stderr}`;
  console.error(error?.message ?? stderr);
  process.exit(2);
}

/** Compute capabilities with binary code: 80-real, 90, … in the CMake file, the newer toolkit's list. */
function architectures() {
  const text = readFileSync(join(root, 'cmake', 'CudaModule.cmake'), 'utf8');
  const lists = [...text.matchAll(/set\(vlprm_cuda_architectures ([^)]*)\)/g)].map(([, list]) => list);
  return [...(lists[0] ?? '').matchAll(/\d+/g)].map(([number]) => Number(number));
}

/** `void vlprm::cuda::(anonymous namespace)::name<int>(Arguments const*)` as `name<int>`. */
function shortName(demangled) {
  const name = demangled
    .replaceAll('vlprm::cuda::', '')
    .replaceAll('(anonymous namespace)::', '')
    .replace(/^void /, '');
  return name.replace(/\(.*\)$/s, '');
}

/** Blocks of ptxas's report: one per kernel and architecture. */
function parse(report) {
  return [...report.matchAll(/Compiling entry function '([^']+)' for 'sm_(\d+)'([\s\S]*?)(?=Compiling entry|$)/g)].map(
    ([, kernel, architecture, text]) => {
      const number = (pattern) => Number(pattern.exec(text)?.[1] ?? 0);
      return {
        kernel: shortName(kernel),
        architecture: Number(architecture),
        registers: number(/Used (\d+) registers/),
        sharedBytes: number(/(\d+) bytes smem/),
        stackBytes: number(/(\d+) bytes stack frame/),
        spillBytes: number(/(\d+) bytes spill stores/) + number(/(\d+) bytes spill loads/),
      };
    },
  );
}

/** The rows of one kernel, folded: registers per architecture, the most of everything else. */
function fold(op, rows) {
  const most = (key) => Math.max(...rows.map((row) => row[key]));
  return {
    op,
    kernel: rows[0].kernel,
    registers: Object.fromEntries(rows.map(({ architecture, registers }) => [`sm_${architecture}`, registers])),
    sharedBytes: most('sharedBytes'),
    stackBytes: most('stackBytes'),
    spillBytes: most('spillBytes'),
  };
}

function kernelsOf(op, folder) {
  const targets = architectures().flatMap((number) => ['-gencode', `arch=compute_${number},code=sm_${number}`]);
  const source = join('csrc', 'cuda', `${op}.cu`);
  const options = [...OPTIONS, '-Icsrc', '-Xptxas', '-v', ...targets, '-fatbin', '-o', join(folder, `${op}.fatbin`)];
  const rows = parse(run('c++filt', [], run('nvcc', [...options, source])));
  const names = [...new Set(rows.map(({ kernel }) => kernel))].toSorted();
  return names.map((name) =>
    fold(
      op,
      rows.filter(({ kernel }) => kernel === name),
    ),
  );
}

const ops = readdirSync(join(root, 'csrc', 'cuda'))
  .filter((file) => file.endsWith('.cu'))
  .map((file) => file.slice(0, -'.cu'.length));
const folder = mkdtempSync(join(tmpdir(), 'vlprm-resources-'));
const kernels = ops.toSorted().flatMap((op) => kernelsOf(op, folder));
rmSync(folder, { recursive: true });
const nvcc = /release .*/.exec(run('nvcc', ['--version']))?.[0];
const text = `${JSON.stringify({ schema: 'vlprm.cuda-resources/1', nvcc, options: OPTIONS.join(' '), kernels }, null, 2)}\n`;
const file = process.argv[2];
if (file === undefined) console.log(text);
else writeFileSync(file, text);
const spilling = kernels.filter(({ spillBytes }) => spillBytes > 0);
for (const { op, kernel, spillBytes } of spilling) console.error(`${op}: ${kernel} spills ${spillBytes} bytes`);
console.error(`${kernels.length} kernels, ${spilling.length} with spills`);
process.exit(spilling.length > 0 ? 1 : 0);
