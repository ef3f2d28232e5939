/** The C++ tests, which run without Node on every instruction set of the machine, and under sanitizers. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/test-native.mjs', import.meta.url));

test.for(['', 'address;undefined', 'thread'])(
  'the C++ tests pass (sanitizers: %j)',
  { timeout: 600_000 },
  (sanitize, context) => {
    if (process.env['VLPRM_NATIVE'] !== 'required') {
      context.skip('needs VLPRM_NATIVE=required: compiling the native tests takes half a minute');
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, '--sanitize', sanitize], {
      encoding: 'utf8',
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
    expect(stdout).toContain('100% tests passed');
  },
);
