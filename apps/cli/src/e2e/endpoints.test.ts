import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSchema, usageSchema } from '@vlprm/core/records';
import { createScriptedPrm, prmBrain, startModelServer } from '@vlprm/core/testing';
import { generatePuzzles, POLICY_NAME } from '@vlprm/data/puzzle-world';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { runCli, type CliResult } from './run-cli.ts';
import { serveWorld, type ServedWorld } from './served-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-endpoints-'));
let world: ServedWorld;
let config: string;

beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  world = await serveWorld();
  config = writeConfig('world', world.config);
});
afterAll(async () => {
  await world.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function writeConfig(name: string, content: unknown): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const spentSchema = z.array(z.object({ use: z.string(), model: z.string().nullable(), usage: usageSchema }));
const problemsSchema = z.object({ done: z.int(), setAside: z.int(), unfinished: z.int() });
const resultSchema = z.object({ hash: z.string(), problems: problemsSchema, traces: z.int(), spent: spentSchema });
const parse = ({ stdout }: CliResult) => resultSchema.parse(JSON.parse(stdout));

function synthesize(out: string, ...more: string[]): Promise<CliResult> {
  const size = ['--problems', 'puzzles:34', '--traces', '1', '--rollouts', '1', '--seed', '5'];
  return runCli('synthesize', ...size, '--out', join(folder, out), '--format', 'json', '--quiet', ...more);
}

const callsOf = (spent: z.infer<typeof spentSchema>, ...uses: string[]): number =>
  spent.filter(({ use }) => uses.includes(use)).reduce((sum, { usage }) => sum + usage.calls, 0);

describe('the puzzle world behind servers', () => {
  let inProcess: z.infer<typeof resultSchema>;
  beforeAll(async () => {
    inProcess = parse(await synthesize('in-process'));
  });

  it('gives the dataset of the world in process, byte for byte', async () => {
    const served = await synthesize('served', '--config', config);
    expect(served.exitCode, served.stderr).toBe(0);
    const result = parse(served);
    expect(result.hash).toBe(inProcess.hash);
    expect(inProcess.spent).toEqual([]);
    expect(result.spent.map(({ use }) => use)).toEqual(['policy', 'judge', 'probe']);
    expect(result.spent[0]).toMatchObject({ model: POLICY_NAME, usage: { usd: 0 } });
    const before = world.policy.requests.length;
    expect(parse(await synthesize('served', '--config', config))).toEqual(result);
    expect(world.policy.requests.length).toBe(before);
  });

  it('stops at its budget with what is done, and goes on with the rest of a larger one', async () => {
    const all = callsOf(parse(await synthesize('served', '--config', config)).spent, 'policy', 'judge');
    const stopped = await synthesize('budget', '--config', config, '--budget-calls', String(all - 20));
    expect(stopped.exitCode, stopped.stderr).toBe(5);
    expect(stopped.stderr).toMatch(/^error\[ERR_BUDGET\]: .*--budget-calls.*same command/);
    expect(stopped.stderr.trim().split('\n')).toHaveLength(1);
    const partial = parse(stopped);
    expect(partial.problems.unfinished).toBeGreaterThan(0);
    expect(callsOf(partial.spent, 'policy', 'judge')).toBeLessThanOrEqual(all - 20);
    expect(runSchema.parse(JSON.parse(readFileSync(join(folder, 'budget', 'run.json'), 'utf8'))).exit).toBe(5);

    const resumed = await synthesize('budget', '--config', config, '--budget-calls', String(all));
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(parse(resumed).hash).toBe(inProcess.hash);
    expect(callsOf(parse(resumed).spent, 'policy', 'judge')).toBe(all);
  });

  it('gives the same from recorded traffic, without network', async () => {
    const traffic = join(folder, 'traffic.jsonl');
    const recorded = await synthesize('recorded', '--config', config, '--record', traffic);
    expect(recorded.exitCode, recorded.stderr).toBe(0);
    const before = world.policy.requests.length;
    const replayed = await synthesize('replayed', '--config', config, '--replay', traffic);
    expect(replayed.exitCode, replayed.stderr).toBe(0);
    expect(parse(replayed).hash).toBe(inProcess.hash);
    expect(world.policy.requests.length).toBe(before);
  });

  it('is what doctor examines', async () => {
    const examined = await runCli('doctor', '--config', config);
    expect(examined.exitCode, examined.stderr).toBe(0);
    expect(examined.stdout).toMatch(/endpoint solver +ok +puzzle-world\/policy@\w+ on vllm/);
    expect(examined.stdout).toMatch(/endpoint critic can +ok +prefill yes, topLogprobs/);
  });

  it('solves and scores', async () => {
    const prm = createScriptedPrm({ script: (_, index) => 1 / (2 + index) });
    const server = await startModelServer({ dialect: 'vllm', brain: prmBrain(prm), model: { names: ['scorer'] } });
    try {
      const endpoints = {
        ...(world.config['endpoints'] as object),
        scorer: { kind: 'vllm', baseUrl: server.url, model: 'scorer' },
      };
      const file = writeConfig('solve', { ...world.config, endpoints, prm: 'scorer' });
      const [puzzle] = generatePuzzles({ seed: 3, split: 'test', count: 1 });
      const image = join(folder, 'puzzle.png');
      writeFileSync(image, puzzle!.png);
      const question = ['--image', image, '--question', puzzle!.problem.question];
      const solved = await runCli('solve', ...question, '--config', file, '--n', '3', '--format', 'json');
      expect(solved.exitCode, solved.stderr).toBe(0);
      const { spent } = z.object({ spent: spentSchema }).parse(JSON.parse(solved.stdout));
      expect(spent.map(({ use }) => use)).toEqual(['policy', 'prm', 'probe']);

      const dataset = join(folder, 'in-process', 'dataset');
      const traces = join(dataset, readdirSync(dataset).find((name) => name.endsWith('.jsonl')) ?? '');
      const score = () => runCli('score', '--traces', traces, '--config', file, '--out', join(folder, 'scored'));
      const first = await score();
      expect(first.exitCode, first.stderr).toBe(0);
      const rows = readFileSync(join(folder, 'scored', 'predictions', 'predictions.jsonl'), 'utf8');
      expect(JSON.parse(rows.split('\n')[1] ?? '')).toMatchObject({ step: 1, p: expect.closeTo(1 / 3, 5) as number });
      const asked = server.requests.length;
      expect((await score()).exitCode).toBe(0);
      expect(server.requests).toHaveLength(asked);
    } finally {
      await server.close();
    }
  });
});
