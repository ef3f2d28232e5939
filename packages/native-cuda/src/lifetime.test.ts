/** Jobs in the background while their arrays, their thread or their process go away: one process a scenario. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';

const PROGRAM = fileURLToPath(new URL('conformance/lifetime.ts', import.meta.url));
const BUILD_SANITIZED = fileURLToPath(new URL('../scripts/build-sanitized.mjs', import.meta.url));
const SANITIZED = fileURLToPath(new URL('../build/sanitized/', import.meta.url));
const SCENARIOS = [
  'collect',
  'transfer',
  'indices',
  'buffers',
  'abort',
  'terminate',
  'exitInWorker',
  'exitInMain',
  'keepAlive',
] as const;

/** Fails where the scenario does, with what it wrote: a crash is an exit code too. */
async function run(scenario: string, environment: Record<string, string>): Promise<void> {
  const args = ['--expose-gc', '--conditions=@vlprm/source', '--import', 'tsx', PROGRAM, scenario];
  const output = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...environment } });
  expect(output).toEqual({ stdout: 'ok\n', stderr: '' });
}

describe('a job in the background', () => {
  test.for(SCENARIOS)('survives: %s', async (scenario, context) => {
    if (backends()[1]?.available !== true) return context.skip('needs the native addon: it was not built');
    await run(scenario, {});
  });
});

describe('under AddressSanitizer and UndefinedBehaviorSanitizer', () => {
  let libraries = '';

  test('the addon builds', { timeout: 600_000 }, (context) => {
    if (process.env['VLPRM_NATIVE'] !== 'required') {
      return context.skip('needs VLPRM_NATIVE=required: compiling the addon takes half a minute');
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD_SANITIZED], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    libraries = stdout.trim();
  });

  // AddressSanitizer does not see masked loads of AVX-512.
  const isas = process.arch === 'x64' ? ['baseline', 'avx2'] : ['baseline'];
  const cases = isas.flatMap((isa) => [...SCENARIOS, 'badCalls'].map((scenario) => ({ isa, scenario })));
  test.for(cases)('$scenario on $isa', { timeout: 300_000 }, async ({ isa, scenario }, context) => {
    if (libraries === '') return context.skip('needs VLPRM_NATIVE=required, which builds the sanitized addon');
    await run(scenario, {
      LD_PRELOAD: libraries,
      // Node itself leaks at exit.
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
      VLPRM_ISA: isa,
      VLPRM_NATIVE_PATH: `${SANITIZED}vlprm.node`,
      VLPRM_CUDA_MODULE: `${SANITIZED}vlprm_cuda_emulated.so`,
    });
  });
});
