import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditSchema } from '@vlprm/core/records';
import { errorRatesSchema } from '@vlprm/data/consensus';
import { openDataset, readTraces } from '@vlprm/data/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-label-'));
const run = join(folder, 'run');
const file = join(folder, 'filled.jsonl');
const label = (out: string, ...flags: string[]) =>
  runCli('label', run, '--out', join(folder, out), ...flags, '--format', 'json');

beforeAll(async () => {
  await runCli('synthesize', '--problems', 'puzzles:12', '--traces', '4', '--rollouts', '4', '--out', run, '--quiet');
  await runCli('audit', run, '--n', '40', '--out', join(folder, 'audit'), '--quiet');
  const traces = await readTraces(await openDataset(run));
  const judged = new Map(traces.map(({ id, steps }) => [id, steps.findIndex(({ judge }) => judge[0]?.verdict === -1)]));
  const rows = readFileSync(join(folder, 'audit', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const filled = rows.map((row) => {
    const audit = auditSchema.parse(JSON.parse(row));
    const first = judged.get(audit.traceId) ?? -1;
    return { ...audit, finding: { firstError: first < 0 ? null : first, by: 'Ada' } };
  });
  writeFileSync(file, filled.map((audit) => `${JSON.stringify(audit)}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('vlprm label --rule posterior', () => {
  it('learns from audits, labels with confidence, and keeps the rates beside the dataset', async () => {
    const { exitCode, stdout, stderr } = await label('posterior', '--rule', 'posterior', '--audit', file);
    expect(exitCode, stderr).toBe(0);
    const rates = errorRatesSchema.parse(
      JSON.parse(readFileSync(join(folder, 'posterior', 'error-rates.json'), 'utf8')),
    );
    expect(rates).toMatchObject({ audits: 40, auditors: ['Ada'] });
    expect(JSON.parse(stdout)).toMatchObject({ rule: { name: 'posterior' }, errorRates: rates });
    const kept = (await readTraces(await openDataset(join(folder, 'posterior')))).filter((one) => one.consensus?.kept);
    expect(kept.length).toBeGreaterThan(20);
    for (const { consensus } of kept) expect(consensus?.confidence).toBeGreaterThan(0);
  });

  it('leaves no rates behind in a dataset of another rule', async () => {
    await label('again', '--rule', 'posterior', '--audit', file);
    await label('again', '--rule', 'hybrid');
    expect(existsSync(join(folder, 'again', 'error-rates.json'))).toBe(false);
  });

  it.each([
    ['without audits', ['--rule', 'posterior'], 2, /ERR_USAGE.*vlprm audit/],
    ['with audits for a rule that reads none', ['--rule', 'hybrid', '--audit', file], 2, /ERR_USAGE.*--audit/],
    [
      'with audits that nobody filled in',
      ['--rule', 'posterior', '--audit', join(folder, 'audit', 'audit.jsonl')],
      3,
      /ERR_AUDIT_INVALID.*0 of 40/,
    ],
    ['with a file that holds none', ['--rule', 'posterior', '--audit', join(run, 'run.json')], 3, /run\.json:1/],
  ])('refuses %s', async (_, flags, exitCode, line) => {
    const result = await label('refused', ...flags);
    expect(result.stderr).toMatch(line);
    expect(result.exitCode).toBe(exitCode);
  });
});
