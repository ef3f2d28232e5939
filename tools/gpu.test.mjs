import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'gpu.sh');

test('the GPU script explains itself when it is called without a file', () => {
  const { status, stdout } = spawnSync('bash', [SCRIPT], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stdout).toContain('tools/gpu.sh RESULTS.json');
});
