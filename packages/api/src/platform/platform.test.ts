import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScriptedJudge, createScriptedPolicy, createScriptedPrm } from '@vlprm/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPlatform, findNewestPrm, parsePlatformConfig, presentProblem } from './index.ts';
import { generatePuzzles } from '@vlprm/data/puzzle-world';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'vlprm-platform-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeRun(runs: string, run: string, minutes: number): Promise<string> {
  const prm = join(runs, run, 'prm');
  await mkdir(prm, { recursive: true });
  await writeFile(join(prm, 'prm.json'), '{}');
  await utimes(join(prm, 'prm.json'), minutes * 60, minutes * 60);
  return prm;
}

describe('findNewestPrm', () => {
  test('takes the bundle that was written last', async () => {
    const runs = join(folder, 'newest');
    await writeRun(runs, 'b', 10);
    const newest = await writeRun(runs, 'a', 30);
    await writeRun(runs, 'c', 20);
    await mkdir(join(runs, 'd', 'prm'), { recursive: true });
    await writeFile(join(runs, 'notes.txt'), '');
    expect(await findNewestPrm(runs)).toBe(newest);
  });

  test('finds nothing where there is nothing', async () => {
    expect(await findNewestPrm(join(folder, 'missing'))).toBeNull();
    await mkdir(join(folder, 'empty'));
    expect(await findNewestPrm(join(folder, 'empty'))).toBeNull();
  });
});

describe('createPlatform', () => {
  const models = () => {
    const opened: string[] = [];
    const closed: string[] = [];
    const note =
      <T extends object>(name: string, model: T) =>
      async () => {
        opened.push(name);
        return { ...model, close: async () => void closed.push(name) };
      };
    const named = {
      policies: { mine: note('policy', createScriptedPolicy({ script: () => '' })) },
      judges: { mine: note('judge', createScriptedJudge({ script: () => null })) },
      prms: { mine: note('prm', createScriptedPrm({ script: () => 1 })) },
    };
    return { opened, closed, named };
  };
  const config = { policy: 'mine', judge: 'mine', prm: 'mine' };

  test('opens a model when it is asked for, once, and closes what it opened', async () => {
    const { opened, closed, named } = models();
    const platform = await createPlatform({ config, models: named });
    expect(opened).toEqual([]);
    const [first, second] = await Promise.all([platform.policy(), platform.policy()]);
    expect(first).toBe(second);
    expect((await platform.prm())?.name).toBe('scripted-prm');
    expect(await platform.requirePrm()).toBe(await platform.prm());
    expect(opened).toEqual(['policy', 'prm']);
    await platform.close();
    await platform.close();
    expect(closed.sort()).toEqual(['policy', 'prm']);
  });

  test('tries again after a failure', async () => {
    let attempts = 0;
    const policy = createScriptedPolicy({ script: () => '' });
    const policies = {
      mine: async () => {
        attempts++;
        if (attempts === 1) throw new Error('not yet');
        return policy;
      },
    };
    const platform = await createPlatform({ config: { policy: 'mine' }, runs: folder, models: { policies } });
    await expect(platform.policy()).rejects.toThrow('not yet');
    expect((await platform.policy()).name).toBe('scripted-policy');
  });

  test('names what there is when a name is unknown', async () => {
    const platform = await createPlatform({ config: { policy: 'toString', judge: 'gpt' }, models: models().named });
    await expect(platform.policy()).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      where: 'policy',
      fix: 'use one of puzzle-world, mine',
    });
    await expect(platform.judge()).rejects.toMatchObject({ code: 'ERR_CONFIG', where: 'judge' });
  });

  test('opens every judge of a list, and takes none twice', async () => {
    const judges = {
      one: async () => createScriptedJudge({ name: 'model-a', script: () => null }),
      two: async () => createScriptedJudge({ name: 'model-b', script: () => null }),
      again: async () => createScriptedJudge({ name: 'model-a', script: () => null }),
    };
    const platform = await createPlatform({ config: { judge: ['two', 'one'] }, models: { judges } });
    expect((await platform.judges()).map(({ name }) => name)).toEqual(['model-b', 'model-a']);
    expect(await platform.judge()).toBe((await platform.judges())[0]);
    const sameModel = await createPlatform({ config: { judge: ['one', 'again'] }, models: { judges } });
    await expect(sameModel.judges()).rejects.toMatchObject({ code: 'ERR_CONFIG', where: 'judge' });
    await expect(createPlatform({ config: { judge: ['one', 'one'] } })).rejects.toThrow('votes');
  });

  test('without a PRM says how to get one', async () => {
    const platform = await createPlatform({ runs: join(folder, 'missing') });
    expect(platform.prmPath).toBeNull();
    expect(await platform.prm()).toBeNull();
    await expect(platform.requirePrm()).rejects.toMatchObject({
      code: 'ERR_NO_PRM',
      exitCode: 2,
      fix: expect.stringContaining('npm start') as string,
    });
  });

  test('takes the newest run, and a name or folder before it', async () => {
    const runs = join(folder, 'taken');
    const prm = await writeRun(runs, 'a', 1);
    expect((await createPlatform({ runs })).prmPath).toBe(prm);
    expect((await createPlatform({ runs, config: { prm: 'elsewhere' } })).prmPath).toBe('elsewhere');
    await expect((await createPlatform({ config: { prm: join(folder, 'none') } })).prm()).rejects.toMatchObject({
      code: 'ERR_FILE_MISSING',
    });
  });

  test.each([
    [{ policy: '' }, 'policy'],
    [{ prm: 3 }, 'prm'],
    [{ polcy: 'mine' }, 'config'],
    ['text', 'config'],
  ])('refuses the configuration %j', (config, where) => {
    expect(() => parsePlatformConfig(config)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', where }));
  });
});

describe('presentProblem', () => {
  const [puzzle] = generatePuzzles({ seed: 2, split: 'test', count: 1 });

  test('describes the image and hashes what was asked', async () => {
    const image = puzzle!.png;
    const asked = await presentProblem({ image, question: 'What?', options: ['a', 'b'] });
    expect(asked.problem).toMatchObject({
      question: 'What?',
      options: ['a', 'b'],
      images: [{ mime: 'image/png', width: 192, height: 192, sha256: puzzle!.problem.images[0]!.sha256 }],
    });
    expect(asked.images).toEqual([image]);
    const same = await presentProblem({ image, question: 'What?', options: ['a', 'b'] });
    const other = await presentProblem({ image, question: 'What?' });
    expect(same.problem.id).toBe(asked.problem.id);
    expect(other.problem.id).not.toBe(asked.problem.id);
  });

  test('an image that cannot be decoded names itself', async () => {
    const asking = presentProblem({ image: new Uint8Array(8), question: 'What?', where: 'cat.png' });
    await expect(asking).rejects.toMatchObject({ code: 'ERR_IMAGE_DECODE', where: 'cat.png' });
  });
});
