/** Jobs in the background while their arrays, their thread or their process go away: one process a scenario. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';

const PROGRAM = fileURLToPath(new URL('conformance/lifetime.ts', import.meta.url));
const SCENARIOS = [
  'collect',
  'transfer',
  'indices',
  'abort',
  'terminate',
  'exitInWorker',
  'exitInMain',
  'keepAlive',
] as const;
const NO_ADDON = 'needs the native addon: it was not built';

async function run(scenario: string, environment: Record<string, string>): Promise<{ stdout: string; stderr: string }> {
  const args = ['--expose-gc', '--conditions=@vlprm/source', '--import', 'tsx', PROGRAM, scenario];
  return promisify(execFile)(process.execPath, args, { env: { ...process.env, ...environment } });
}

describe('a job in the background', () => {
  test.for(SCENARIOS)('survives: %s', async (scenario, context) => {
    if (backends()[1]?.available !== true) return context.skip(NO_ADDON);
    // A rejected promise of execFile carries the exit code, and with it every crash.
    expect(await run(scenario, {})).toEqual({ stdout: 'ok\n', stderr: '' });
  });
});
