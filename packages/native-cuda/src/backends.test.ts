import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { backends, kernelsFor, type BackendInfo } from './backends.ts';
import type { NativeAddon } from './addon.ts';
import { CUDA_OPS, OPS, type OpName } from './kernels.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ADDON = join(ROOT, 'prebuilds', 'local', 'vlprm.node');
const MODULE = join(ROOT, 'prebuilds', 'local', 'vlprm_cuda.so');
const EMULATION = join(ROOT, 'prebuilds', 'local', 'vlprm_cuda_emulated.so');
const NO_ADDON = 'needs the native addon: it was not built';
const folder = mkdtempSync(join(tmpdir(), 'vlprm-backends-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Seen {
  backends: BackendInfo[];
  active: string;
  logit: number[] | string;
}

const PROGRAM = `
import { activeBackend, backends, stepScore } from ${JSON.stringify(join(ROOT, 'src', 'index.ts'))};
const attempt = (call) => { try { return call(); } catch (error) { return error.code + ' ' + error.message; } };
const input = { hidden: Float32Array.of(2), dtype: 'f32', width: 1, labelRows: { rows: Float32Array.of(1, 0) } };
console.log(JSON.stringify({
  backends: backends(), active: attempt(activeBackend), logit: attempt(() => [...stepScore(input).logit]),
}));
`;

/** What a fresh process sees under these variables. */
async function see(environment: Record<string, string>): Promise<Seen> {
  const args = ['--conditions=@vlprm/source', '--import', 'tsx', '--input-type=module', '--eval', PROGRAM];
  const env = { ...process.env, VLPRM_NATIVE: '', VLPRM_BACKEND: '', VLPRM_CUDA_MODULE: '', ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  return JSON.parse(stdout) as Seen;
}

function reasonOf(seen: Seen, name: string): string | null | undefined {
  return seen.backends.find((backend) => backend.name === name)?.reason;
}

test('js is always there, and every backend has either a detail or a reason', () => {
  expect(backends().map(({ name }) => name)).toEqual(['js', 'cpu', 'cuda']);
  expect(backends()[0]?.available).toBe(true);
  for (const { available, detail, reason } of backends()) {
    expect(detail === null).toBe(!available);
    expect(reason === null).toBe(available);
  }
});

test('a backend that is there has the ops that it should have', () => {
  for (const { name } of backends().filter(({ available }) => available)) {
    const ops: readonly OpName[] = name === 'cuda' ? CUDA_OPS : OPS;
    for (const op of OPS) {
      const lookup = () => kernelsFor(op, { backend: name });
      if (ops.includes(op)) expect(lookup()[op]).toBeTypeOf('function');
      else expect(lookup).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_BACKEND_UNAVAILABLE' }));
    }
  }
});

test('asking for a backend that is not there throws its reason', () => {
  for (const { name, reason } of backends().filter(({ available }) => !available)) {
    expect(() => kernelsFor('stepScore', { backend: name })).toThrow(
      expect.objectContaining({ code: 'ERR_VLPRM_BACKEND_UNAVAILABLE', what: reason }),
    );
  }
});

test('where VLPRM_NATIVE=required, cpu is there, and on Linux cuda, emulated or on a device', () => {
  const required = process.env['VLPRM_NATIVE'] === 'required';
  const [, cpu, cuda] = backends();
  expect(required && cpu?.available !== true).toBe(false);
  expect(required && process.platform === 'linux' && cuda?.available !== true).toBe(false);
});

describe('what loads', () => {
  test('nothing native with VLPRM_NATIVE=off: js serves, and says why', async () => {
    const seen = await see({ VLPRM_NATIVE: 'off' });
    expect(seen).toMatchObject({ active: 'js', logit: [2] });
    expect(reasonOf(seen, 'cpu')).toBe('native addon not loaded: VLPRM_NATIVE=off');
  });

  test('a missing and a corrupt addon leave js, each with its own reason', async () => {
    const corrupt = join(folder, 'corrupt.node');
    writeFileSync(corrupt, 'not a shared object');
    const missing = await see({ VLPRM_NATIVE_PATH: join(folder, 'missing.node') });
    const broken = await see({ VLPRM_NATIVE_PATH: corrupt });
    expect(missing.active).toBe('js');
    expect(reasonOf(missing, 'cpu')).toContain('VLPRM_NATIVE_PATH: no file at');
    expect(broken).toMatchObject({ active: 'js', logit: [2] });
    expect(reasonOf(broken, 'cpu')).toMatch(/VLPRM_NATIVE_PATH: .*(invalid ELF header|file too short|not valid)/);
  });

  test('VLPRM_BACKEND chooses, and refuses what is not there or not known', async () => {
    expect(await see({ VLPRM_BACKEND: 'js' })).toMatchObject({ active: 'js', logit: [2] });
    const refused = await see({ VLPRM_BACKEND: 'cpu', VLPRM_NATIVE: 'off' });
    expect(refused.active).toMatch(/^ERR_VLPRM_BACKEND_UNAVAILABLE .*VLPRM_NATIVE=off/);
    expect(refused.logit).toBe(refused.active);
    expect((await see({ VLPRM_BACKEND: 'gpu' })).active).toMatch(/^ERR_VLPRM_TYPE VLPRM_BACKEND: 'gpu' is none of/);
  });

  test('VLPRM_ISA chooses the instruction set, and refuses one that this processor has not', async (context) => {
    if (!existsSync(ADDON)) return context.skip(NO_ADDON);
    const detail = (seen: Seen) => seen.backends.find(({ name }) => name === 'cpu')?.detail;
    expect(detail(await see({ VLPRM_ISA: 'baseline' }))).toMatch(/^baseline, /);
    const refused = await see({ VLPRM_ISA: 'sse9', VLPRM_BACKEND: 'cpu' });
    expect(refused.logit).toMatch(/^ERR_VLPRM_BACKEND_UNAVAILABLE .*VLPRM_ISA=sse9: this processor runs baseline/);
  });

  test('cpu is what runs where the addon is', async (context) => {
    if (!existsSync(ADDON)) return context.skip(NO_ADDON);
    expect(await see({})).toMatchObject({ active: 'cpu', logit: [2] });
  });
});

test('the emulation of CUDA needs neither driver nor device, and says what it is', async (context) => {
  if (!existsSync(EMULATION)) return context.skip('needs the native emulation of CUDA: it was not built');
  const seen = await see({ VLPRM_CUDA_MODULE: EMULATION, VLPRM_BACKEND: 'cuda' });
  expect(seen).toMatchObject({ active: 'cuda', logit: [2] });
  expect(seen.backends[2]?.detail).toMatch(/^SIMT emulation on the CPU, for tests/);
});

describe('why there is no CUDA', () => {
  /** A shared object that stands where the NVIDIA driver would be found, without being one. */
  function stubDriver(): string | null {
    const source = join(folder, 'stub.c');
    writeFileSync(source, 'int vlprm_stub_driver(void) { return 0; }\n');
    const built = spawnSync('cc', ['-shared', '-fPIC', '-o', join(folder, 'libcuda.so.1'), source]);
    return built.status === 0 ? folder : null;
  }

  test('the module is not installed', async (context) => {
    if (!existsSync(ADDON)) return context.skip(NO_ADDON);
    const alone = join(folder, 'vlprm.node');
    copyFileSync(ADDON, alone);
    const seen = await see({ VLPRM_NATIVE_PATH: alone });
    expect(seen.active).toBe('cpu');
    expect(reasonOf(seen, 'cuda')).toBe(`CUDA module not installed: no file at ${join(folder, 'vlprm_cuda.so')}`);
  });

  test('the driver is not there; cpu computes all the same', async (context) => {
    if (!existsSync(MODULE)) return context.skip('needs the native CUDA module: it was not built');
    const seen = await see({});
    if (reasonOf(seen, 'cuda') === null) return context.skip('needs a machine with no GPU: this one has a driver');
    expect(seen).toMatchObject({ active: 'cpu', logit: [2] });
    expect(reasonOf(seen, 'cuda')).toMatch(/^NVIDIA driver not found: libcuda\.so\.1/);
  });

  test('the module is corrupt, foreign, or finds a driver that is none', async (context) => {
    if (!existsSync(ADDON)) return context.skip(NO_ADDON);
    const library = stubDriver();
    if (library === null) return context.skip('needs a C compiler for the stub driver: cc was not found');
    const corrupt = join(folder, 'corrupt.so');
    writeFileSync(corrupt, '');
    const environment = { LD_LIBRARY_PATH: library };
    const broken = await see({ ...environment, VLPRM_CUDA_MODULE: corrupt });
    expect(broken).toMatchObject({ active: 'cpu', logit: [2] });
    expect(reasonOf(broken, 'cuda')).toMatch(/^cannot load CUDA module: .*file too short/);
    const foreign = await see({ ...environment, VLPRM_CUDA_MODULE: join(library, 'libcuda.so.1') });
    expect(reasonOf(foreign, 'cuda')).toMatch(/^cannot load CUDA module: it does not export/);
    if (!existsSync(MODULE)) return context.skip('needs the native CUDA module: it was not built');
    const stubbed = await see(environment);
    expect(stubbed).toMatchObject({ active: 'cpu', logit: [2] });
    expect(reasonOf(stubbed, 'cuda')).toMatch(/^no usable CUDA device: cudaError/);
  });
});

test('worker threads load the addon too, and can be terminated', async (context) => {
  if (!existsSync(ADDON)) return context.skip(NO_ADDON);
  const program = `
    const addon = require(${JSON.stringify(ADDON)});
    require('node:worker_threads').parentPort.postMessage(addon.cpuInfo().isa);
    setInterval(() => addon.cpuInfo(), 1);
  `;
  for (let round = 0; round < 3; round += 1) {
    const workers = Array.from({ length: 3 }, () => new Worker(program, { eval: true }));
    const seen = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
    expect(new Set(seen).size).toBe(1);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  const addon = createRequire(import.meta.url)(ADDON) as NativeAddon;
  expect(addon.cpuInfo().threads).toBeGreaterThan(0);
});
