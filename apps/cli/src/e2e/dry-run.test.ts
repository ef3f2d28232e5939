import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usageSchema } from '@vlprm/core/records';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { runCli, type CliResult } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-dry-run-'));
beforeAll(() => void vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache')));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const summarySchema = z.object({
  rollouts: z.object({ total: z.int() }),
  usage: z.object({ sample: usageSchema, estimate: usageSchema, judge: usageSchema }),
});
const forecastSchema = z.object({
  problems: z.int(),
  population: z.object({ measured: z.boolean(), problems: z.int() }),
  estimators: z.array(
    z.object({
      estimator: z.string(),
      calls: z.object({ sample: z.int(), estimate: z.int(), judge: z.int(), total: z.int() }),
      rollouts: z.int(),
      promptTokens: z.int().nullable(),
      imageTokens: z.int().nullable(),
      usd: z.number().nullable(),
      hours: z.number().nullable(),
    }),
  ),
  assumptions: z.array(z.string()),
});
const forecastOf = ({ stdout }: CliResult) => forecastSchema.parse(JSON.parse(stdout));

function synthesize(out: string, ...more: string[]): Promise<CliResult> {
  const size = ['--problems', 'puzzles:8', '--traces', '3', '--rollouts', '4', '--seed', '5'];
  return runCli('synthesize', ...size, '--out', join(folder, out), '--format', 'json', '--quiet', ...more);
}

it('foretells exactly what the exhaustive estimator asked for, from the run itself', async () => {
  const done = await synthesize('run');
  expect(done.exitCode, done.stderr).toBe(0);
  const { usage, rollouts } = summarySchema.parse(JSON.parse(done.stdout));
  const before = readdirSync(join(folder, 'run')).toSorted();

  const foretold = await synthesize('run', '--dry-run');
  expect(foretold.exitCode, foretold.stderr).toBe(0);
  const { population, estimators } = forecastOf(foretold);
  expect(population).toEqual({ measured: true, problems: 8 });
  expect(estimators.map(({ estimator }) => estimator)).toEqual(['exhaustive', 'adaptive', 'binary', 'tree']);
  const [exhaustive, adaptive] = estimators;
  expect(exhaustive?.calls).toMatchObject({
    sample: usage.sample.calls,
    estimate: usage.estimate.calls,
    judge: usage.judge.calls,
  });
  expect(exhaustive?.rollouts).toBe(rollouts.total);
  expect(adaptive?.rollouts).toBeLessThan(rollouts.total);
  expect(readdirSync(join(folder, 'run')).toSorted()).toEqual(before);
});

it('goes by what is assumed in a folder whose dataset was not written to the end', async () => {
  rmSync(join(folder, 'run', 'dataset', 'manifest.json'));
  const foretold = await synthesize('run', '--dry-run');
  expect(foretold.exitCode, foretold.stderr).toBe(0);
  expect(forecastOf(foretold).population.measured).toBe(false);
});

it('needs no model that answers, makes no run, and says what it assumes', async () => {
  const config = join(folder, 'remote.json');
  const endpoint = { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1', model: 'gpt-4.1', requestsPerMinute: 60 };
  const prices = { 'gpt-4.1': { promptUsdPerMillion: 2, completionUsdPerMillion: 8 } };
  writeFileSync(config, JSON.stringify({ endpoints: { solver: endpoint, critic: endpoint }, prices }));
  const models = ['--config', config, '--policy', 'solver', '--judge', 'critic', '--votes', '2'];

  const foretold = await synthesize('never', '--dry-run', ...models);
  expect(foretold.exitCode, foretold.stderr).toBe(0);
  const { problems, population, estimators, assumptions } = forecastOf(foretold);
  expect(problems).toBe(8);
  expect(population.measured).toBe(false);
  const [exhaustive] = estimators;
  expect(exhaustive?.calls).toMatchObject({ sample: 8, estimate: 8 * 3 * 9, judge: 8 * 3 * 2 });
  expect(exhaustive?.imageTokens).toBe(255 * exhaustive!.calls.total);
  expect(exhaustive?.usd).toBeGreaterThan(0);
  expect(exhaustive?.hours).toBeGreaterThan(0);
  expect(assumptions.join('\n')).toMatch(/assumed.*\n.*no call fails.*\n.*4 bytes of text/);
  expect(existsSync(join(folder, 'never'))).toBe(false);

  const text = await synthesize('never', '--dry-run', ...models, '--format', 'text', '--estimator', 'adaptive');
  expect(text.stdout).toMatch(/^8 problems; no model was called\n/);
  expect(text.stdout).toMatch(/adaptive \* +[\d\u202f]+/);
});
