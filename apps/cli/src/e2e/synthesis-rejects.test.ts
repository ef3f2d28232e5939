import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rejectSchema, traceSchema, type Reject, type Trace } from '@vlprm/core/records';
import { formatVerificationJson } from '@vlprm/core/text';
import type { Brain } from '@vlprm/core/testing';
import { generatePuzzles } from '@vlprm/data/puzzle-world';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { runCli, type CliResult } from './run-cli.ts';
import { serveWorld, type ServedWorldOptions } from './served-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-rejects-'));
const problems = join(folder, 'problems.jsonl');
const puzzles = generatePuzzles({ seed: 5, split: 'train', count: 6 });

const rowOf = (i: number, more: object = {}): object => {
  const { id, question, options, answer } = puzzles[i]!.problem;
  return { id, image: `pictures/${i}.png`, question, options, answer, ...more };
};

function writeProblems(path: string, rows: readonly (object | string)[]): void {
  writeFileSync(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
}

beforeAll(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  mkdirSync(join(folder, 'pictures'));
  puzzles.forEach(({ png }, i) => writeFileSync(join(folder, 'pictures', `${i}.png`), png));
  writeFileSync(join(folder, 'pictures', 'broken.png'), puzzles[0]!.png.subarray(0, 200));
  writeProblems(
    problems,
    puzzles.map((_, i) => rowOf(i)),
  );
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const linesOf = (...path: string[]): string[] =>
  readFileSync(join(folder, ...path), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
const rejectsOf = (out: string): Reject[] =>
  linesOf(out, 'rejects.jsonl').map((line) => rejectSchema.parse(JSON.parse(line)));
const tracesOf = (out: string): Trace[] =>
  linesOf(out, 'dataset', 'train-00000-of-00001.jsonl').map((line) => traceSchema.parse(JSON.parse(line)));

const failures = z.object({ failed: z.int(), unparsable: z.int() });
const resultSchema = z.object({
  problems: z.object({ done: z.int(), setAside: z.int(), unfinished: z.int() }),
  samples: z.object({ failed: z.int(), unreadable: z.int() }),
  reviews: failures,
  rejects: z.record(z.string(), z.int()),
  dataset: z.string().nullable(),
});
const resultOf = ({ stdout }: CliResult) => resultSchema.parse(JSON.parse(stdout));

function synthesize(out: string, ...more: string[]): Promise<CliResult> {
  const size = ['--traces', '2', '--rollouts', '2', '--seed', '5', '--out', join(folder, out)];
  return runCli('synthesize', '--problems', problems, ...size, '--format', 'json', '--quiet', ...more);
}

/** With policy and judge behind servers that do not keep to what they are asked for. */
async function synthesizeServed(out: string, options: ServedWorldOptions, ...more: string[]): Promise<CliResult> {
  const world = await serveWorld(options);
  try {
    const config = join(folder, `${out}.json`);
    writeFileSync(config, JSON.stringify(world.config));
    return await synthesize(out, '--config', config, ...more);
  } finally {
    await world.close();
  }
}

describe('a problem that cannot be used', () => {
  it('is set aside with its reason and its line, and the others become a dataset', async () => {
    const path = join(folder, 'mixed.jsonl');
    writeProblems(path, [
      rowOf(0),
      rowOf(1, { id: 'unreadable key', answer: '...' }),
      rowOf(1, { image: 'pictures/broken.png' }),
      rowOf(2),
      rowOf(0),
      '{"question": ',
      rowOf(3),
      rowOf(4),
      rowOf(5),
    ]);
    const done = await synthesize('mixed', '--problems', path);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(resultOf(done).problems).toEqual({ done: 5, setAside: 4, unfinished: 0 });
    const where = (line: number): object => ({
      stage: 'problem',
      where: expect.stringContaining(`:${line}`) as string,
    });
    expect(rejectsOf('mixed')).toMatchObject([
      { ...where(2), code: 'ERR_DATASET_INVALID', problemId: 'unreadable key' },
      { ...where(3), code: 'ERR_IMAGE_DECODE' },
      { ...where(5), code: 'ERR_DATASET_INVALID', problemId: puzzles[0]!.problem.id },
      { ...where(6), code: 'ERR_FILE_MALFORMED', problemId: null },
    ]);
    expect(resultOf(done).rejects).toEqual({ ERR_DATASET_INVALID: 2, ERR_IMAGE_DECODE: 1, ERR_FILE_MALFORMED: 1 });
    expect(tracesOf('mixed')).toHaveLength(10);
  });

  it('is told in the text, by reason', async () => {
    const path = join(folder, 'one-bad.jsonl');
    writeProblems(path, [rowOf(0), rowOf(1, { answer: null })]);
    const done = await synthesize('one-bad', '--problems', path, '--format', 'text');
    expect(done.stdout).toMatch(/problems +1 done, 1 set aside, 0 unfinished/);
    expect(done.stdout).toMatch(/set aside, ERR_DATASET_INVALID +1/);
    expect(done.stdout).toContain('rejects.jsonl');
  });

  it('leaves an empty file where nothing was set aside', async () => {
    expect((await synthesize('clean')).exitCode).toBe(0);
    expect(rejectsOf('clean')).toEqual([]);
  });
});

/** Replaces the first `spoilt` of the completions that are asked for together. */
const spoiling =
  (spoilt: number, text: string) =>
  (brain: Brain): Brain => ({
    write: async (request) => (await brain.write(request)).map((written, i) => (i < spoilt ? text : written)),
  });

describe('a policy that ignores the step format', () => {
  const prose = 'It is the blue one, I think.';

  it('loses the samples that it spoils, and no other', async () => {
    const policy = spoiling(1, prose);
    const done = await synthesizeServed('prose', { policy }, '--max-reject-rate', '0.6');
    expect(done.exitCode, done.stderr).toBe(0);
    expect(resultOf(done).samples).toEqual({ failed: 0, unreadable: 6 });
    expect(rejectsOf('prose')).toHaveLength(6);
    for (const reject of rejectsOf('prose')) expect(reject).toMatchObject({ stage: 'sample', sample: 0 });
    expect(tracesOf('prose').map(({ provenance }) => provenance['sample'])).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('stops the run where it spoils too many, with the reasons and without a dataset', async () => {
    const stopped = await synthesizeServed('stopped', { policy: spoiling(2, prose) });
    expect(stopped.exitCode).toBe(3);
    expect(stopped.stderr).toMatch(/^error\[ERR_TOO_MANY_REJECTS\]: 12 of 12 .*12 × ERR_\w+: .*--max-reject-rate/);
    expect(stopped.stderr.trim().split('\n')).toHaveLength(1);
    expect(resultOf(stopped).dataset).toBeNull();
    expect(rejectsOf('stopped')).toHaveLength(12);
    expect(existsSync(join(folder, 'stopped', 'dataset'))).toBe(false);
  });
});

it('a rule that needs audits is refused before any call', async () => {
  const refused = await synthesize('audits', '--rule', 'posterior');
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/^error\[ERR_USAGE\]: .*vlprm label DIR --rule posterior --audit FILE/);
  expect(existsSync(join(folder, 'audits'))).toBe(false);
});

describe('a judge that answers for other steps than asked', () => {
  it('gives no verdict, and the run goes on', async () => {
    const analyses = Array.from({ length: 30 }, () => 'This holds.');
    const judge = spoiling(1, formatVerificationJson({ analyses, firstError: null }));
    const done = await synthesizeServed('other-steps', { judge }, '--max-reject-rate', '1', '--rule', 'mc0');
    expect(done.exitCode, done.stderr).toBe(0);
    expect(resultOf(done).reviews).toMatchObject({ failed: 0, unparsable: 12 });
    expect(rejectsOf('other-steps')).toHaveLength(12);
    for (const reject of rejectsOf('other-steps')) {
      expect(reject).toMatchObject({ stage: 'judge', where: expect.stringContaining('judge') as string });
    }
    const traces = tracesOf('other-steps');
    expect(traces).toHaveLength(12);
    expect(traces.flatMap(({ steps }) => steps.flatMap((step) => step.judge))).toEqual([]);
  });
});
