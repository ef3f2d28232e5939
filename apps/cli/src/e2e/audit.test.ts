import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { auditSchema, type Audit } from '@vlprm/core/records';
import { createScriptedJudge, judgeBrain, startModelServer, type ModelServer } from '@vlprm/core/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from './run-cli.ts';
import { talkative } from './served-world.ts';

const FIXTURE = fileURLToPath(
  new URL('../../../../packages/data/src/formats/fixtures/vlprm-reference', import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), 'vlprm-audit-'));
const data = join(folder, 'data');
const config = join(folder, 'config.json');
let server: ModelServer;

beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  await runCli('import', '--from', 'vlprm-reference', FIXTURE, '--out', data);
  const judge = createScriptedJudge({
    script: ({ steps }) =>
      steps.some(({ text }) => text.includes('masts')) ? new Error('too dark to see') : steps.length === 4 ? 1 : null,
  });
  server = await startModelServer({
    dialect: 'vllm',
    brain: talkative(judgeBrain(judge)),
    model: { names: ['strong'] },
  });
  writeFileSync(
    config,
    JSON.stringify({ endpoints: { strong: { kind: 'vllm', baseUrl: server.url, model: 'strong' } } }),
  );
});
afterAll(async () => {
  await server.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const audits = (out: string): Audit[] =>
  readFileSync(join(folder, out, 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => auditSchema.parse(JSON.parse(line)));
const audit = (out: string, ...flags: string[]) =>
  runCli('audit', data, '--out', join(folder, out), ...flags, '--quiet');

describe('vlprm audit', () => {
  it('picks traces and writes a page that shows them', async () => {
    const { exitCode, stdout, stderr } = await audit('picks', '--format', 'json');
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ traces: 6, picked: 6, filled: 0, failures: [] });
    expect(audits('picks').every(({ finding, weight }) => finding === null && weight === 1)).toBe(true);
    const page = readFileSync(join(folder, 'picks', 'audit.html'), 'utf8');
    expect(page).toContain('How many ducks swim on the pond?');
    expect(page.match(/data:image\/png;base64,/g)).toHaveLength(2);
  });

  it('keeps what was decided, and refuses to throw it away', async () => {
    const [first, ...others] = audits('picks');
    const filled = [{ ...first, finding: { firstError: 0, by: 'Ada' } }, ...others];
    writeFileSync(join(folder, 'picks', 'audit.jsonl'), filled.map((row) => `${JSON.stringify(row)}\n`).join(''));
    expect((await audit('picks')).exitCode).toBe(0);
    expect(audits('picks')).toEqual(filled);
    writeFileSync(
      join(folder, 'picks', 'audit.jsonl'),
      `${JSON.stringify({ ...filled[0], traceId: 'of another dataset' })}\n`,
    );
    const refused = await audit('picks');
    expect(refused.stderr).toMatch(/error\[ERR_RUN_MISMATCH\].*of another dataset/);
  });

  it('has a stronger model fill in the file, and tells where it failed', async () => {
    const { exitCode, stdout, stderr } = await audit('model', '--config', config, '--auditor', 'strong');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/filled in +5\n/);
    expect(stdout).toMatch(/The auditor failed on 1:\n- [0-9a-f]{64}: .*too dark to see/);
    const findings = audits('model').map(({ finding }) => finding);
    expect(findings.filter((finding) => finding?.firstError === null)).toHaveLength(4);
    expect(findings.filter((finding) => finding?.firstError === 1)).toEqual([{ firstError: 1, by: 'strong' }]);
    expect(findings.filter((finding) => finding === null)).toHaveLength(1);
  });

  it.each([
    ['no place to write to', [data], 2, /ERR_USAGE.*--out/],
    ['fewer picks than there are strata', [data, '--n', '1', '--out', join(folder, 'few')], 2, /ERR_RANGE/],
    [
      'an auditor that nobody knows',
      [data, '--auditor', 'nobody', '--out', join(folder, 'x')],
      2,
      /ERR_CONFIG.*nobody/,
    ],
    ['a folder without a dataset', [folder, '--out', join(folder, 'y')], 3, /ERR_FILE_MISSING/],
  ])('refuses %s', async (_, args, exitCode, line) => {
    const result = await runCli('audit', ...args);
    expect(result.stderr).toMatch(line);
    expect(result.exitCode).toBe(exitCode);
  });
});
