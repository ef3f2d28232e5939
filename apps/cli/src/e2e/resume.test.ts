import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runSchema } from '@vlprm/core/records';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { runVlprm, startVlprm, type VlprmProcess } from './vlprm-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-resume-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TIMEOUT_MS = 300_000;
const resultSchema = z.object({
  hash: z.string(),
  manifest: z.object({ files: z.array(z.object({ path: z.string(), sha256: z.string() })) }),
  reused: z.object({ sample: z.int(), judge: z.int() }),
});

function synthesize(out: string): string[] {
  return ['synthesize', '--problems', 'puzzles:96', '--rollouts', '8', '--seed', '5', '--out', out, '--format', 'json'];
}

/** Waits until the first batch of the judge, the last stage, is in the ledger. */
async function firstBatch(run: VlprmProcess): Promise<void> {
  while (!/judge: \d+\/96/.test(run.stderr())) {
    if (run.child.exitCode !== null) throw new Error(`it ended before it could be interrupted:\n${run.stderr()}`);
    await delay(5);
  }
}

function exitOfRun(out: string): number | null {
  return runSchema.parse(JSON.parse(readFileSync(join(folder, out, 'run.json'), 'utf8'))).exit;
}

it(
  'an interrupted synthesis goes on and gives the dataset of an uninterrupted one',
  async () => {
    const whole = await runVlprm(synthesize('whole'), folder);
    expect(whole.exitCode, whole.stderr).toBe(0);

    const interrupted = startVlprm(synthesize('resumed'), folder);
    await firstBatch(interrupted);
    interrupted.child.kill('SIGINT');
    const ended = await interrupted.ended;
    expect(ended.exitCode, ended.stderr).toBe(130);
    expect(ended.stdout).toBe('');
    expect(ended.stderr.trim().split('\n').at(-1)).toMatch(/^error\[ERR_ABORTED\]: .*same command/);
    expect(exitOfRun('resumed')).toBe(130);
    expect(existsSync(join(folder, 'resumed', 'dataset', 'manifest.json'))).toBe(false);

    const resumed = await runVlprm(synthesize('resumed'), folder);
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(exitOfRun('resumed')).toBe(0);
    const [first, second] = [whole, resumed].map(({ stdout }) => resultSchema.parse(JSON.parse(stdout)));
    expect(second?.hash).toBe(first?.hash);
    expect(second?.manifest.files).toEqual(first?.manifest.files);
    expect(first?.reused.sample).toBe(0);
    expect(second?.reused.judge).toBeGreaterThan(0);
    expect(second?.reused.judge).toBeLessThan(96);
  },
  TIMEOUT_MS,
);

it(
  'a folder of another run is not written into',
  async () => {
    const args = synthesize('whole').map((arg) => (arg === 'puzzles:96' ? 'puzzles:4' : arg));
    const other = await runVlprm(args, folder);
    expect(other.exitCode).toBe(3);
    expect(other.stderr).toMatch(/error\[ERR_RUN_MISMATCH\]: .*problems/);
  },
  TIMEOUT_MS,
);
