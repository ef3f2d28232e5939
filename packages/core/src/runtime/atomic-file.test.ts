import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically, writeFileAtomic, writeJsonAtomic } from './atomic-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-'));
});

describe('writeFileAtomic', () => {
  it('writes text, bytes and chunks, into folders that it creates', async () => {
    const text = join(folder, 'a', 'b', 'text');
    await writeFileAtomic(text, 'größe\n');
    expect(await readFile(text, 'utf8')).toBe('größe\n');
    const bytes = join(folder, 'bytes');
    await writeFileAtomic(bytes, new Uint8Array([0, 255]));
    expect([...(await readFile(bytes))]).toEqual([0, 255]);
    const chunks = join(folder, 'chunks');
    await writeFileAtomic(
      chunks,
      (async function* () {
        yield 'one\n';
        yield 'two\n';
      })(),
    );
    expect(await readFile(chunks, 'utf8')).toBe('one\ntwo\n');
  });

  it('replaces a file', async () => {
    const path = join(folder, 'x');
    await writeFile(path, 'a long old content');
    await writeFileAtomic(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  it('keeps the old content and leaves no rubbish when the source fails', async () => {
    const path = join(folder, 'x');
    await writeFile(path, 'old');
    const broken = (function* () {
      yield 'half';
      throw new Error('source failed');
    })();
    await expect(writeFileAtomic(path, broken)).rejects.toThrow('source failed');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('leaves either content whole when the process is killed amid writing', async () => {
    const path = join(folder, 'x');
    const program = `
      import { writeFileAtomic } from ${JSON.stringify(new URL('./atomic-file.ts', import.meta.url).href)};
      const path = ${JSON.stringify(path)};
      for (let round = 0; ; round++) {
        await writeFileAtomic(path, String(round % 10).repeat(1_000_000));
        if (round === 3) process.stdout.write('going');
      }`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const content = await readFile(path, 'utf8');
    expect(content).toHaveLength(1_000_000);
    expect(new Set(content).size).toBe(1);
  });
});

describe('writeAtomically', () => {
  it('lets a writer fill the file in its own way', async () => {
    const path = join(folder, 'x');
    await writeAtomically(path, (temporary) => writeFile(temporary, 'by another'));
    expect(await readFile(path, 'utf8')).toBe('by another');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('fails when the writer wrote nothing', async () => {
    await expect(writeAtomically(join(folder, 'x'), async () => undefined)).rejects.toThrow('ENOENT');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('writeJsonAtomic', () => {
  it('writes readable JSON that ends with a newline', async () => {
    await writeJsonAtomic(join(folder, 'x.json'), { a: [1] });
    expect(await readFile(join(folder, 'x.json'), 'utf8')).toBe('{\n  "a": [\n    1\n  ]\n}\n');
  });
});
