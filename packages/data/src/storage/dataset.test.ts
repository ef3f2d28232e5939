import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test as propertyTest } from '@fast-check/vitest';
import type { ImageRef, StepLabel, Trace } from '@vlprm/core/records';
import { parseTrace } from '@vlprm/core/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relabel } from '../consensus/index.ts';
import { readTracesJsonl, readTracesParquet } from '../formats/index.ts';
import { plainErrorRates } from '../testing/error-rates.ts';
import { traceWith } from '../testing/traces.ts';
import { datasetHash, openDataset, readTraces } from './dataset-reader.ts';
import { writeDataset, type DatasetRequest } from './dataset-writer.ts';

let root: string;
let next = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "vlprm-data set's [1]*-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const folder = (): string => join(root, `d${next++}`);

const picture = new TextEncoder().encode('bytes of a picture');
const image: ImageRef = {
  sha256: createHash('sha256').update(picture).digest('hex'),
  mime: 'image/png',
  width: 96,
  height: 96,
  path: 'somewhere/else.png',
};

function manyTraces(count: number): Trace[] {
  const traces = Array.from({ length: count }, (_, i) =>
    traceWith(
      [
        { mc: { correct: 3 + (i % 5), incorrect: 13 - (i % 5) }, judge: 1 },
        { mc: i % 7 === 0 ? { incorrect: 16 } : { correct: 16 }, judge: i % 3 === 0 ? -1 : 1 },
        { mc: { correct: 16 }, judge: i % 3 === 0 ? null : 1 },
      ],
      { id: `trace-${i}`, images: [image] },
    ),
  );
  return relabel(traces, 'hybrid');
}

function request(dir: string, traces: readonly Trace[], fields: Partial<DatasetRequest> = {}): DatasetRequest {
  return { dir, traces, images: () => picture, rule: { name: 'hybrid', threshold: 0 }, seed: 7, ...fields };
}

/** A trace as a dataset holds it: its images lie in the folder. */
function asWritten(trace: Trace): Trace {
  const images = trace.images.map((one) => ({ ...one, path: `images/${one.sha256}.png` }));
  return parseTrace({ ...trace, images }, trace.id);
}

describe('a dataset folder', () => {
  it('gives back what was written, from Parquet and from JSONL, in shards', async () => {
    const dir = folder();
    const given = manyTraces(25);
    const { manifest } = await writeDataset(request(dir, given, { rowsPerShard: 10 }));
    const traces = given.map(asWritten);
    expect(manifest.files.map(({ path, rows }) => [path, rows])).toEqual([
      ['train-00000-of-00003.parquet', 10],
      ['train-00001-of-00003.parquet', 10],
      ['train-00002-of-00003.parquet', 5],
      ['train-00000-of-00003.jsonl', 10],
      ['train-00001-of-00003.jsonl', 10],
      ['train-00002-of-00003.jsonl', 5],
    ]);
    expect(traces[0]?.images[0]?.path).toBe(`images/${image.sha256}.png`);
    const dataset = await openDataset(dir);
    expect(dataset.manifest).toEqual(manifest);
    expect(await readTraces(dataset)).toEqual(traces);
    const lines: Trace[] = [];
    for (const { path } of manifest.files.slice(3))
      for await (const trace of readTracesJsonl(join(dir, path))) lines.push(trace);
    expect(lines).toEqual(traces);
    expect(await dataset.image(traces[0]?.images[0] as ImageRef)).toEqual(Buffer.from(picture));
  });

  it('opens through its run folder', async () => {
    const run = folder();
    const { manifest } = await writeDataset(request(join(run, 'dataset'), manyTraces(2)));
    expect((await openDataset(run)).manifest).toEqual(manifest);
  });

  it('writes the same bytes for the same traces, and has the same hash', async () => {
    const [a, b] = [folder(), folder()];
    const first = await writeDataset(request(a, manyTraces(40), { rowsPerShard: 16, run: 'one' }));
    const second = await writeDataset(request(b, manyTraces(40), { rowsPerShard: 16, run: 'two' }));
    expect(second.manifest.files).toEqual(first.manifest.files);
    expect(datasetHash(second.manifest)).toBe(datasetHash(first.manifest));
    expect(await readFile(join(b, 'README.md'), 'utf8')).toBe(await readFile(join(a, 'README.md'), 'utf8'));
    const relabelled = await writeDataset(request(folder(), relabel(manyTraces(40), 'mc0'), { rowsPerShard: 16 }));
    expect(datasetHash(relabelled.manifest)).not.toBe(datasetHash(first.manifest));
  });

  it('is the same again when it is read, relabelled and written', async () => {
    const first = await writeDataset(request(folder(), manyTraces(12)));
    const dir = folder();
    await writeDataset(request(dir, relabel(manyTraces(12), 'mc50')));
    const dataset = await openDataset(dir);
    const again = await writeDataset(request(folder(), relabel(await readTraces(dataset), 'hybrid')));
    expect(again.manifest.files).toEqual(first.manifest.files);
  });

  it('refuses a trace that contradicts itself', async () => {
    const [trace] = manyTraces(1) as [Trace];
    const skewed = { ...trace, steps: trace.steps.map((step) => ({ ...step, index: step.index + 1 })) };
    await expect(writeDataset(request(folder(), [skewed]))).rejects.toMatchObject({
      code: 'ERR_TRACE_MALFORMED',
      where: 'trace trace-0: steps[0].index',
    });
  });

  it('replaces an earlier dataset and leaves none of its shards or any temporary file', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(25), { rowsPerShard: 5 }));
    await writeDataset(request(dir, manyTraces(3)));
    expect((await readdir(dir)).sort()).toEqual([
      'README.md',
      'images',
      'manifest.json',
      'train-00000-of-00001.jsonl',
      'train-00000-of-00001.parquet',
    ]);
    expect(await readTraces(await openDataset(dir))).toHaveLength(3);
  });

  it('takes traces one at a time, and their images before the next', async () => {
    const log: string[] = [];
    async function* given(): AsyncGenerator<Trace> {
      for (const trace of manyTraces(4)) {
        log.push(trace.id);
        const bytes = new TextEncoder().encode(trace.id);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        yield { ...trace, images: [{ ...image, sha256, path: trace.id }] };
      }
    }
    const images = ({ path }: ImageRef): Uint8Array => {
      log.push(`image of ${path}`);
      return new TextEncoder().encode(path);
    };
    const dir = folder();
    const { manifest } = await writeDataset({ ...request(dir, []), traces: given(), images, rowsPerShard: 2 });
    expect(log).toEqual([0, 1, 2, 3].flatMap((i) => [`trace-${i}`, `image of trace-${i}`]));
    expect(manifest).toMatchObject({ traces: 4, files: [{ rows: 2 }, { rows: 2 }, { rows: 2 }, { rows: 2 }] });
  });

  it('leaves no manifest and no shard when the traces break off, and writes over what is left', async () => {
    const dir = folder();
    async function* broken(): AsyncGenerator<Trace> {
      yield* manyTraces(5);
      throw new Error('the source is gone');
    }
    const half = { ...request(dir, []), traces: broken(), rowsPerShard: 2 };
    await expect(writeDataset(half)).rejects.toThrow('the source is gone');
    expect((await readdir(dir)).every((name) => name === 'images' || name.endsWith('.tmp'))).toBe(true);
    await writeDataset(request(dir, manyTraces(5)));
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(await readTraces(await openDataset(dir))).toHaveLength(5);
  });

  it('is no dataset until its manifest is written', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(3)));
    const broken = manyTraces(3).map((trace) => ({ ...trace, question: 'half \ud800 a pair' }));
    await expect(writeDataset(request(dir, broken))).rejects.toMatchObject({ code: 'ERR_TRACE_MALFORMED' });
    await expect(openDataset(dir)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });

  it('holds an empty dataset', async () => {
    const dir = folder();
    await writeDataset(request(dir, []));
    expect(await readTraces(await openDataset(dir))).toEqual([]);
  });

  it('has a card with the counts', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(21), { licenses: { 'test/counts': 'cc0-1.0' } }));
    const card = await readFile(join(dir, 'README.md'), 'utf8');
    expect(card).toContain('license: cc0-1.0');
    expect(card).toContain('path: train-*.parquet');
    expect(card).toContain('Kept: 19 of 21');
    expect(card).toContain('| judge-correct-mc-disagrees | 2 |');
    expect(card).toContain('| wrong | 7 |');
  });
});

describe('what a dataset folder refuses', () => {
  it('a file that was changed', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(3)));
    await appendFile(join(dir, 'train-00000-of-00001.jsonl'), '\n');
    await expect(openDataset(dir)).rejects.toMatchObject({ code: 'ERR_DATASET_INVALID' });
  });

  it('a shard that is missing', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(3)));
    await rm(join(dir, 'train-00000-of-00001.parquet'));
    await expect(openDataset(dir)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });

  it('another schema version', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(3)));
    const manifest = join(dir, 'manifest.json');
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('vlprm.dataset/1', 'vlprm.dataset/2'));
    await expect(openDataset(dir)).rejects.toMatchObject({
      code: 'ERR_SCHEMA_VERSION',
      where: manifest,
    });
  });

  it('a folder without a dataset', async () => {
    const dir = folder();
    await mkdir(dir);
    await expect(openDataset(dir)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });

  it('an image whose bytes are others', async () => {
    const dir = folder();
    await writeDataset(request(dir, manyTraces(1)));
    await writeFile(join(dir, `images/${image.sha256}.png`), 'other bytes');
    const dataset = await openDataset(dir);
    await expect(dataset.image({ ...image, path: `images/${image.sha256}.png` })).rejects.toMatchObject({
      code: 'ERR_DATASET_INVALID',
    });
    await expect(
      writeDataset(request(folder(), manyTraces(1), { images: () => new Uint8Array(3) })),
    ).rejects.toMatchObject({
      code: 'ERR_DATASET_INVALID',
    });
  });

  it('a malformed row, by file and line', async () => {
    const [good] = manyTraces(1);
    const path = join(root, 'rows.jsonl');
    const bad = { ...good, steps: good?.steps.map((step) => ({ ...step, label: 2 })) };
    await writeFile(path, `${JSON.stringify(good)}\n\n${JSON.stringify(bad)}\n`);
    const reading = async (): Promise<void> => {
      for await (const _ of readTracesJsonl(path));
    };
    await expect(reading()).rejects.toMatchObject({ code: 'ERR_TRACE_MALFORMED', where: `${path}:3: steps[0].label` });
    await writeFile(path, `${JSON.stringify(good)}\n{"schema": "vlprm.tr`);
    await expect(reading()).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED', where: `${path}:2` });
  });

  it('a file that is no Parquet', async () => {
    const path = join(root, 'no.parquet');
    await writeFile(path, 'PAR1 but not really');
    const reading = async (): Promise<void> => {
      for await (const _ of readTracesParquet(path));
    };
    await expect(reading()).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED', where: path });
  });

  it('a layout without rows or formats', async () => {
    await expect(writeDataset(request(folder(), [], { rowsPerShard: 0 }))).rejects.toMatchObject({ code: 'ERR_RANGE' });
    await expect(writeDataset(request(folder(), [], { formats: [] }))).rejects.toMatchObject({ code: 'ERR_RANGE' });
  });
});

const anyText = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => /\S/.test(text));
const anyTrace: fc.Arbitrary<Trace> = fc
  .record({
    question: anyText,
    answer: fc.option(anyText),
    finalAnswer: fc.option(fc.constantFrom('', ' ', '007', 'null', 'true', '{"a": 1}', '2020-01-01', '\u0000')),
    steps: fc.array(
      fc.record({
        kind: fc.constantFrom('perception' as const, 'reasoning' as const, null),
        text: anyText,
        mc: fc.option(
          fc.record({ correct: fc.nat(5), incorrect: fc.nat(5), unparsable: fc.nat(3), failed: fc.nat(3) }),
        ),
        judge: fc.constantFrom<StepLabel | undefined>(1, 0, -1, null, undefined),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    seed: fc.option(fc.maxSafeNat()),
    usd: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
    extra: fc.dictionary(fc.constantFrom('sample', 'sampling', 'note'), fc.jsonValue()),
  })
  .map(({ steps, seed, usd, extra, ...fields }) =>
    traceWith(steps, {
      ...fields,
      provenance: { ...extra, source: 'test', policy: null, judges: [], seed, usd: usd === null ? null : usd + 0 },
    }),
  );

describe('formats', () => {
  propertyTest.prop(
    [fc.array(anyTrace, { minLength: 4, maxLength: 16 }), fc.constantFrom('mc0', 'judge', 'posterior')],
    {
      numRuns: 8,
    },
  )('every trace survives Parquet and JSONL unchanged', async (traces, rule) => {
    const dir = folder();
    const errorRates = plainErrorRates({ siblings: true });
    const given = relabel(traces, rule, { errorRates }).map((trace) => ({ ...trace, images: [] }));
    await writeDataset(request(dir, given));
    const expected = JSON.parse(JSON.stringify(given.map(asWritten))) as Trace[];
    expect(await readTraces(await openDataset(dir))).toEqual(expected);
    const lines: Trace[] = [];
    for await (const trace of readTracesJsonl(join(dir, 'train-00000-of-00001.jsonl'))) lines.push(trace);
    expect(lines).toEqual(expected);
  });
});
