import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readJsonFile, readJsonl, readJsonlRows } from './json-files.ts';

const schema = z.object({ n: z.int() });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-'));
});

async function fileWith(content: string | Uint8Array): Promise<string> {
  const path = join(folder, `${Math.trunc(performance.now() * 1000)}.jsonl`);
  await writeFile(path, content);
  return path;
}

const rowsOf = async (path: string): Promise<{ line: number; value: { n: number } }[]> =>
  collect(readJsonl(path, schema));

/** All items of an async iterable (`Array.fromAsync` needs Node 22). */
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('readJsonl', () => {
  it.each([
    ['with a final newline', '{"n":1}\n{"n":2}\n'],
    ['without one', '{"n":1}\n{"n":2}'],
    ['with carriage returns', '{"n":1}\r\n{"n":2}\r\n'],
    ['with a byte order mark', '\uFEFF{"n":1}\n{"n":2}\n'],
  ])('reads rows %s', async (_, content) => {
    expect(await rowsOf(await fileWith(content))).toEqual([
      { line: 1, value: { n: 1 } },
      { line: 2, value: { n: 2 } },
    ]);
  });

  it('numbers lines as an editor does, blank ones included', async () => {
    expect(await rowsOf(await fileWith('\n{"n":1}\n\n  \n{"n":2}\n'))).toEqual([
      { line: 2, value: { n: 1 } },
      { line: 5, value: { n: 2 } },
    ]);
    expect(await rowsOf(await fileWith(''))).toEqual([]);
  });

  it('reads lines longer than a chunk, and characters cut by one', async () => {
    const long = z.object({ text: z.string() });
    const text = 'ü€😀'.repeat(60_000);
    const path = await fileWith(`{"text":"x${text}"}\n${JSON.stringify({ text })}\n`);
    const rows = await collect(readJsonl(path, long));
    expect(rows.map(({ value }) => value.text)).toEqual([`x${text}`, text]);
  });

  it.each([
    ['a torn last line', '{"n":1}\n{"n":', 2, ''],
    ['a row that does not fit', '{"n":1}\n\n{"n":"2"}\n', 3, ': n'],
  ])('names the line of %s, after the rows before it', async (_, content, line, field) => {
    const path = await fileWith(content);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { value } of readJsonl(path, schema)) seen.push(value.n);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED', where: `${path}:${line}${field}` });
    expect(seen).toEqual([1]);
  });

  it('names a file that is not there, or is none', async () => {
    const missing = join(folder, 'missing.jsonl');
    await expect(rowsOf(missing)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING', where: missing });
    await expect(rowsOf(folder)).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED', where: folder });
  });
});

describe('readJsonlRows', () => {
  it('gives broken rows as their errors and goes on', async () => {
    const path = await fileWith('{"n":1}\n{"n":\n\n{"n":"two"}\n{"n":3}\n');
    expect(await collect(readJsonlRows(path, schema))).toEqual([
      { line: 1, value: { n: 1 } },
      { line: 2, error: expect.objectContaining({ code: 'ERR_FILE_MALFORMED', where: `${path}:2` }) as unknown },
      { line: 4, error: expect.objectContaining({ code: 'ERR_FILE_MALFORMED', where: `${path}:4: n` }) as unknown },
      { line: 5, value: { n: 3 } },
    ]);
  });

  it('cannot go on without the file', async () => {
    const rows = readJsonlRows(join(folder, 'none.jsonl'), schema);
    await expect(collect(rows)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });
});

describe('readJsonFile', () => {
  it('reads a document or names what is wrong with it', async () => {
    expect(await readJsonFile(await fileWith('\uFEFF{\n"n": 1}\n'), schema)).toEqual({ n: 1 });
    await expect(readJsonFile(await fileWith('{"n": 1'), schema)).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED' });
    await expect(readJsonFile(await fileWith('{}'), schema, 'ERR_BUNDLE_INVALID')).rejects.toMatchObject({
      code: 'ERR_BUNDLE_INVALID',
    });
    await expect(readJsonFile(join(folder, 'no.json'), schema)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });
});
