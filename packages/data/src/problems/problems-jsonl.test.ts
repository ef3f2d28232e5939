import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROBLEM_SCHEMA, problemSchema, rejectSchema } from '@vlprm/core/records';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedProblem } from './loaded-problem.ts';
import type { ProblemRow } from './problem-source.ts';
import { problemFromImage, streamProblems } from './problems-jsonl.ts';

let dir: string;
const pictures: Record<string, Buffer> = {};

async function paint(name: string, red: number): Promise<void> {
  const flat = sharp({ create: { width: 8, height: 6, channels: 3, background: { r: red, g: 20, b: 30 } } });
  const format = name.endsWith('.jpg') ? 'jpeg' : name.endsWith('.webp') ? 'webp' : 'png';
  const bytes = await flat.toFormat(format).toBuffer();
  pictures[name] = bytes;
  await writeFile(join(dir, 'pictures', name), bytes);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vlprm-problems-'));
  await mkdir(join(dir, 'pictures'));
  await Promise.all([paint('a.png', 10), paint('b.jpg', 200), paint('c.webp', 90)]);
  const png = pictures['a.png'] as Buffer;
  await writeFile(join(dir, 'pictures', 'truncated.png'), png.subarray(0, png.length - 20));
  await writeFile(join(dir, 'pictures', 'text.png'), 'no picture at all');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function problemFile(...rows: (object | string)[]): Promise<string> {
  const path = join(dir, 'problems.jsonl');
  await writeFile(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return path;
}

const hash = (name: string): string =>
  createHash('sha256')
    .update(pictures[name] as Buffer)
    .digest('hex');

async function rowsOf(path: string, from: Parameters<typeof streamProblems>[1] = {}): Promise<ProblemRow[]> {
  const rows: ProblemRow[] = [];
  for await (const row of streamProblems(path, from)) rows.push(row);
  return rows;
}

async function readProblems(path: string, from: Parameters<typeof streamProblems>[1] = {}): Promise<LoadedProblem[]> {
  return (await rowsOf(path, from)).flatMap((row) => {
    if ('reject' in row) throw new Error(row.reject.reason);
    return [row];
  });
}

describe('a problem file', () => {
  it('needs no more than a question and an image', async () => {
    const path = await problemFile({
      image: 'pictures/a.png',
      question: 'What is left?',
      answer: 7,
      note: 'passed over',
    });
    const [loaded] = await readProblems(path);
    expect(loaded?.problem).toMatchObject({
      schema: PROBLEM_SCHEMA,
      images: [{ sha256: hash('a.png'), mime: 'image/png', width: 8, height: 6, path: 'pictures/a.png' }],
      options: null,
      answer: '7',
      source: 'problems-jsonl',
    });
    expect(problemSchema.parse(loaded?.problem)).toEqual(loaded?.problem);
    expect(Buffer.from(loaded?.images[0] ?? [])).toEqual(pictures['a.png']);
  });

  it('keeps what a row says, and reads back whole problem records', async () => {
    const path = await problemFile({
      id: 'p1',
      groupId: 'g1',
      images: ['pictures/b.jpg', 'pictures/c.webp'],
      question: 'Which one?',
      options: ['A circle', 'B square'],
      answer: 'B',
      source: 'mine',
    });
    const [first] = await readProblems(path);
    expect(first?.problem).toMatchObject({
      id: 'p1',
      groupId: 'g1',
      source: 'mine',
      options: ['A circle', 'B square'],
    });
    expect(first?.problem.images.map(({ mime }) => mime)).toEqual(['image/jpeg', 'image/webp']);
    const [again] = await readProblems(await problemFile(first?.problem as object));
    expect(again).toEqual(first);
  });

  it('groups problems by their pictures and tells them apart by what they ask', async () => {
    const rows = ['one?', 'two?'].map((question) => ({ image: 'pictures/a.png', question, answer: 'x' }));
    const [one, two] = await readProblems(
      await problemFile(...rows, { image: 'pictures/b.jpg', question: 'one?', answer: 'x' }),
    );
    expect(one?.problem.groupId).toBe(two?.problem.groupId);
    expect(one?.problem.id).not.toBe(two?.problem.id);
  });

  it.each([
    [
      'an image that is not there',
      { image: 'pictures/none.png', question: 'q' },
      'ERR_FILE_MISSING',
      ':2: pictures/none.png',
    ],
    [
      'a truncated image',
      { image: 'pictures/truncated.png', question: 'q' },
      'ERR_IMAGE_DECODE',
      ':2: pictures/truncated.png',
    ],
    [
      'a text file named .png',
      { image: 'pictures/text.png', question: 'q' },
      'ERR_IMAGE_DECODE',
      ':2: pictures/text.png',
    ],
    ['an empty question', { image: 'pictures/a.png', question: ' ' }, 'ERR_FILE_MALFORMED', ':2: question'],
    ['image and images', { image: 'pictures/a.png', images: [], question: 'q' }, 'ERR_FILE_MALFORMED', ':2: images'],
    [
      'another schema',
      { schema: 'vlprm.problem/2', image: 'pictures/a.png', question: 'q' },
      'ERR_SCHEMA_VERSION',
      ':2',
    ],
    ['broken JSON', '{"question": ', 'ERR_FILE_MALFORMED', ':2'],
    [
      'an image that is another one than its hash says',
      { image: { path: 'pictures/a.png', sha256: 'f'.repeat(64) }, question: 'q' },
      'ERR_DATASET_INVALID',
      ':2: pictures/a.png',
    ],
  ])('sets %s aside, by file and line, and goes on', async (_, row, code, where) => {
    const good = (question: string) => ({ image: 'pictures/b.jpg', question });
    const path = await problemFile(good('first?'), row, good('third?'));
    const [first, broken, third] = await rowsOf(path);
    expect([first, third]).toMatchObject([{ problem: { question: 'first?' } }, { problem: { question: 'third?' } }]);
    const reject = { stage: 'problem', problemId: null, sample: null, code, where: `${path}${where}` };
    expect(broken).toMatchObject({ reject });
    expect(rejectSchema.parse((broken as { reject: unknown }).reject)).toEqual((broken as { reject: unknown }).reject);
  });

  it('is read row by row, and anew each time', async () => {
    const questions = Array.from({ length: 50 }, (_, i) => ({ image: 'pictures/a.png', question: `${i}?`, answer: 1 }));
    const path = await problemFile(...questions);
    const source = streamProblems(path);
    for await (const row of source) {
      expect(row).toMatchObject({ problem: { question: '0?' }, where: `${path}:1` });
      break;
    }
    await problemFile(...questions.slice(0, 2));
    const again: ProblemRow[] = [];
    for await (const row of source) again.push(row);
    expect(again).toHaveLength(2);
  });

  it('cannot be without the file', async () => {
    await expect(rowsOf(join(dir, 'none.jsonl'))).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });
});

describe('an image that a URL names', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((_, response) => void response.end(pictures['a.png']));
    await new Promise<void>((started) => server.listen(0, '127.0.0.1', started));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`;
  });
  afterAll(() => new Promise((closed) => server.close(closed)));

  it('is fetched where that is allowed, and is the same as the file', async () => {
    const path = await problemFile({ image: url, question: 'q', answer: 1 });
    const [fetched] = await readProblems(path, { remote: { allowedHosts: ['127.0.0.1'] } });
    const [read] = await readProblems(await problemFile({ image: 'pictures/a.png', question: 'q', answer: 1 }));
    expect(fetched?.problem.images[0]).toMatchObject({ sha256: hash('a.png'), path: url });
    expect(fetched?.problem.id).toBe(read?.problem.id);
  });

  it('is refused by file and line where it is not allowed, or is not public', async () => {
    const path = await problemFile({ image: url, question: 'q' });
    const refusal = { code: 'ERR_IMAGE_FETCH', where: expect.stringContaining(`${path}:1: `) as string };
    expect(await rowsOf(path)).toMatchObject([{ reject: refusal }]);
    expect(await rowsOf(path, { remote: {} })).toMatchObject([{ reject: refusal }]);
    const file = await problemFile({ image: 'file:///etc/passwd', question: 'q' });
    expect(await rowsOf(file, { remote: {} })).toMatchObject([{ reject: { code: 'ERR_IMAGE_FETCH' } }]);
    expect(await rowsOf(file)).toMatchObject([{ reject: { code: 'ERR_IMAGE_FETCH' } }]);
  });
});

describe('a problem from an image', () => {
  it('has no reference answer', async () => {
    const { problem, images } = await problemFromImage(join(dir, 'pictures/b.jpg'), 'How many?', ['A 1', 'B 2']);
    expect(problem).toMatchObject({ question: 'How many?', options: ['A 1', 'B 2'], answer: null });
    expect(images).toHaveLength(1);
    await expect(problemFromImage(join(dir, 'none.png'), 'q')).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });
});
