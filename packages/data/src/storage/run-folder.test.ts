import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRunFolder, runPaths } from './run-folder.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vlprm-run-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const start = { command: 'synthesize', config: { problems: 'puzzles:8', traces: 4 }, seed: 7 };

describe('a run folder', () => {
  it('records start and end', async () => {
    const run = createRunFolder(join(dir, 'new'), { versions: { vlprm: '0.1.0' } });
    expect(await run.read()).toBeNull();
    const begun = await run.begin(start);
    expect(begun).toMatchObject({ ...start, endedAt: null, exit: null });
    expect(begun.versions).toEqual({ vlprm: '0.1.0', node: process.version });
    const ended = await run.finish(130);
    expect(ended.exit).toBe(130);
    expect(Date.parse(ended.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(begun.startedAt));
    expect(await run.read()).toEqual(ended);
  });

  it('says nothing of who ran it where', async () => {
    const run = createRunFolder(dir, { sourceFolder: dir });
    await run.begin(start);
    const text = await readFile(runPaths(dir).record, 'utf8');
    expect(text).not.toContain(hostname());
    expect(text).not.toContain(`"${userInfo().username}"`);
    expect(JSON.parse(text)).toMatchObject({ revision: null });
  });

  it('takes up the same run, keeps its start, and forgets its end', async () => {
    const first = await createRunFolder(dir).begin(start);
    await createRunFolder(dir).finish(130);
    const second = await createRunFolder(dir).begin({ ...start, config: { traces: 4, problems: 'puzzles:8' } });
    expect(second).toMatchObject({ startedAt: first.startedAt, endedAt: null, exit: null });
  });

  it.each([
    [{ ...start, seed: 8 }, 'seed'],
    [{ ...start, config: { ...start.config, traces: 5 } }, 'traces'],
    [{ ...start, config: { ...start.config, extra: true } }, 'extra'],
    [{ ...start, command: 'train' }, 'command'],
  ])('refuses another run in the same folder and names the difference (%#)', async (other, name) => {
    await createRunFolder(dir).begin(start);
    await expect(createRunFolder(dir).begin(other)).rejects.toMatchObject({
      code: 'ERR_RUN_MISMATCH',
      message: `the folder holds a run with another ${name}`,
    });
  });

  it('refuses a record that it cannot read', async () => {
    await writeFile(runPaths(dir).record, '{"schema": "vlprm.run/1"');
    await expect(createRunFolder(dir).begin(start)).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED' });
    await writeFile(runPaths(dir).record, '{"schema": "vlprm.run/9"}');
    await expect(createRunFolder(dir).read()).rejects.toMatchObject({ code: 'ERR_SCHEMA_VERSION' });
  });
});
