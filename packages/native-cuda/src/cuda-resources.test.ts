/** The committed report of registers and shared memory, and that no CUDA kernel spills. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CUDA_OPS } from './kernels.ts';

interface Report {
  schema: string;
  kernels: { op: string; kernel: string; registers: Record<string, number>; sharedBytes: number; spillBytes: number }[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ARCHITECTURES = ['sm_80', 'sm_89', 'sm_90', 'sm_100', 'sm_120'];
const REGISTERS_OF_A_BLOCK = 65_536;

function read(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

function names({ kernels }: Report): string[] {
  return kernels.map(({ op, kernel }) => `${op} ${kernel}`);
}

const committed = read(join(ROOT, 'bench', 'results', 'cuda-resources.json'));

test('the report covers every architecture, and no kernel spills', () => {
  expect(committed.schema).toBe('vlprm.cuda-resources/1');
  expect(CUDA_OPS).toEqual(expect.arrayContaining([...new Set(committed.kernels.map(({ op }) => op))]));
  for (const { kernel, registers, spillBytes } of committed.kernels) {
    expect(Object.keys(registers), kernel).toEqual(ARCHITECTURES);
    expect(spillBytes, kernel).toBe(0);
    // Every kernel can be launched with 256 threads a block.
    expect(Math.max(...Object.values(registers)) * 256, kernel).toBeLessThanOrEqual(REGISTERS_OF_A_BLOCK);
  }
});

test('the report is of the kernels that there are, and they still do not spill', { timeout: 600_000 }, (context) => {
  if (process.env['VLPRM_NATIVE'] !== 'required') context.skip('needs VLPRM_NATIVE=required: it compiles for a minute');
  if (spawnSync('nvcc', ['--version']).status !== 0) context.skip('needs nvcc');
  const folder = mkdtempSync(join(tmpdir(), 'vlprm-resources-'));
  const file = join(folder, 'report.json');
  const script = join(ROOT, 'scripts', 'cuda-resources.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(names(read(file))).toEqual(names(committed));
  rmSync(folder, { recursive: true });
});
