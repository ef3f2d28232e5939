import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const FIXTURE = fileURLToPath(
  new URL('../../../../packages/data/src/formats/fixtures/vlprm-reference', import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), 'vlprm-disagreements-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('vlprm disagreements counts where judge and rollouts part, and shows it with pictures', async () => {
  const data = join(folder, 'data');
  await runCli('import', '--from', 'vlprm-reference', FIXTURE, '--out', data);
  const { exitCode, stdout, stderr } = await runCli('disagreements', data, '--out', folder, '--format', 'json');
  expect(exitCode, stderr).toBe(0);
  const written = JSON.parse(readFileSync(join(folder, 'disagreements.json'), 'utf8')) as unknown;
  expect(JSON.parse(stdout)).toEqual(written);
  expect(written).toMatchObject({
    schema: 'vlprm.disagreements/1',
    traces: 6,
    judgedByBoth: 3,
    sameVerdict: 2,
    sameFirstError: 1,
    firstErrors: [
      { judge: 1, mc: 2, traces: 1 },
      { judge: null, mc: 1, traces: 1 },
      { judge: null, mc: null, traces: 1 },
    ],
  });
  const page = readFileSync(join(folder, 'disagreements.html'), 'utf8');
  expect(page).toContain('Three ducks swim on it.');
  expect(page).toContain('1 unreadable');
  const sources = [...page.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, target]) => target ?? '');
  expect(sources).toHaveLength(2);
  expect(sources.filter((target) => !target.startsWith('data:image/png;base64,'))).toEqual([]);
  expect(page).not.toMatch(/<script|@import|url\(/);
});

it('vlprm disagreements needs a place to write to', async () => {
  const { exitCode, stderr } = await runCli('disagreements', folder);
  expect(stderr).toMatch(/ERR_USAGE.*--out/);
  expect(exitCode).toBe(2);
});
