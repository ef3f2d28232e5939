import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rejectSchema } from '@vlprm/core/records';
import { openDataset, readTraces } from '@vlprm/data/storage';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const FIXTURE = fileURLToPath(
  new URL('../../../../packages/data/src/formats/fixtures/vlprm-reference', import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), 'vlprm-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const importTo = (out: string, source = FIXTURE, ...flags: string[]) =>
  runCli('import', '--from', 'vlprm-reference', source, '--out', join(folder, out), ...flags);

describe('vlprm import', () => {
  it('brings in the paper’s files, which label then keeps or drops with a reason', async () => {
    const imported = await importTo('imported', FIXTURE, '--format', 'json');
    expect(imported.exitCode, imported.stderr).toBe(0);
    expect(JSON.parse(imported.stdout)).toMatchObject({
      from: 'vlprm-reference',
      traces: 6,
      problems: 2,
      images: 2,
      tracesWithReview: 3,
      steps: 17,
      stepsWithRollouts: 14,
      setAside: 0,
      licenses: { 'vlprm-reference': 'not stated' },
    });
    const labelled = await runCli(
      'label',
      join(folder, 'imported'),
      '--rule',
      'hybrid',
      '--out',
      join(folder, 'hybrid'),
    );
    expect(labelled.exitCode, labelled.stderr).toBe(0);
    const traces = await readTraces(await openDataset(join(folder, 'hybrid')));
    expect(traces.map(({ consensus }) => [consensus?.kept, consensus?.reason])).toEqual([
      [true, 'judge-correct-mc-agrees'],
      [true, 'judge-incorrect'],
      [false, 'no-judge-verdict'],
      [false, 'judge-correct-mc-disagrees'],
      [false, 'no-judge-verdict'],
      [false, 'no-judge-verdict'],
    ]);
    expect(traces[0]?.provenance).toMatchObject({ mcIncorrect: expect.stringContaining('failed') as unknown });
  });

  it('tells what it loses and which rows it set aside', async () => {
    const source = join(folder, 'odd');
    cpSync(FIXTURE, source, { recursive: true });
    appendFileSync(join(source, 'rollouts.jsonl'), '{"uid":"torn\n');
    const { exitCode, stdout } = await importTo('odd-imported', source);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/set aside +1\n/);
    expect(stdout).toMatch(/rollouts\.jsonl:7: broken JSON/);
    expect(stdout).toMatch(/failed calls .* counted as wrong/);
    const rejects = readFileSync(join(folder, 'odd-imported', 'rejects.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(rejects.map((line) => rejectSchema.parse(JSON.parse(line)).code)).toEqual(['ERR_FILE_MALFORMED']);
    expect(existsSync(join(folder, 'imported', 'rejects.jsonl'))).toBe(false);
  });

  it.each([
    [
      'a format that it does not read',
      ['--from', 'csv', FIXTURE, '--out', folder],
      2,
      /"csv".*use one of vlprm-reference/,
    ],
    ['no format', [FIXTURE, '--out', folder], 2, /ERR_USAGE.*--from/],
    ['no place to write to', ['--from', 'vlprm-reference', FIXTURE], 2, /--out/],
    ['its own source to write to', ['--from', 'vlprm-reference', FIXTURE, '--out', FIXTURE], 2, /--out/],
    [
      'an empty folder',
      ['--from', 'vlprm-reference', folder, '--out', join(folder, 'x')],
      3,
      /ERR_FILE_MISSING.*rollouts/,
    ],
  ])('refuses %s', async (_, args, exitCode, line) => {
    const result = await runCli('import', ...args);
    expect(result.stderr).toMatch(line);
    expect(result.exitCode).toBe(exitCode);
  });

  it('refuses files of which nothing can be read', async () => {
    const source = join(folder, 'nothing');
    cpSync(join(FIXTURE, 'problems.jsonl'), join(source, 'rollouts.jsonl'), { recursive: true });
    const { exitCode, stderr } = await importTo('y', source);
    expect(stderr).toMatch(/error\[ERR_DATASET_INVALID\]: no trace could be read: .*rollouts\.jsonl:1/);
    expect(exitCode).toBe(3);
  });
});
