import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATASET_SCHEMA, type DatasetManifest, type ImageRef, type Trace } from '@vlprm/core/records';
import {
  hashFile,
  parseTrace,
  sha256,
  VlprmError,
  writeAtomically,
  writeFileAtomic,
  writeJsonAtomic,
} from '@vlprm/core/runtime';
import { jsonLine } from '../formats/jsonl.ts';
import { jsonlToParquet } from '../formats/parquet.ts';
import { TRACE_COLUMNS_SQL, traceToRow } from '../formats/traces-parquet.ts';
import { datasetCard, type DatasetCounts } from './dataset-card.ts';

export type DatasetFormat = 'parquet' | 'jsonl';

/** Gives the bytes of an image that a trace names. */
export type ImageSource = (image: ImageRef) => Uint8Array | Promise<Uint8Array>;

export interface DatasetRequest {
  readonly dir: string;
  /** All traces, dropped ones included; the order is kept. */
  readonly traces: readonly Trace[];
  readonly images: ImageSource;
  readonly rule: { readonly name: string; readonly threshold: number | null } | null;
  readonly seed: number | null;
  /** Licence of each source. */
  readonly licenses?: Readonly<Record<string, string>>;
  /** What the dataset was made by, e.g. the configuration hash of its run. */
  readonly run?: string;
  readonly split?: string;
  readonly formats?: readonly DatasetFormat[];
  /** Rows per shard, at least 1. */
  readonly rowsPerShard?: number;
}

const MIME_EXTENSION: Readonly<Record<ImageRef['mime'], string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

function imagePath({ sha256: hash, mime }: ImageRef): string {
  return `images/${hash}.${MIME_EXTENSION[mime]}`;
}

/** True when the file is there and holds what its name says; a power cut can leave a file without its content. */
async function isWritten(path: string, hash: string): Promise<boolean> {
  return readFile(path).then(
    (bytes) => sha256(bytes) === hash,
    () => false,
  );
}

/**
 * Writes one image under its hash, whole or not at all. It is not flushed to disk on its own: thousands of small files
 * would take longer than the run, and whoever reads an image checks its hash.
 * @throws ERR_DATASET_INVALID when the source gives other bytes than the trace names
 */
async function writeImage(dir: string, image: ImageRef, source: ImageSource): Promise<void> {
  const path = join(dir, imagePath(image));
  if (await isWritten(path, image.sha256)) return;
  const bytes = await source(image);
  if (sha256(bytes) !== image.sha256) {
    throw new VlprmError('ERR_DATASET_INVALID', 'the image has changed since it was described', {
      where: image.path,
      fix: 'restore the image, or make the traces again',
    });
  }
  const temporary = `${path}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}

/** Writes the images of the traces, each once. */
async function writeImages(dir: string, traces: readonly Trace[], source: ImageSource): Promise<void> {
  const images = new Map(traces.flatMap((trace) => trace.images.map((image) => [image.sha256, image] as const)));
  await mkdir(join(dir, 'images'), { recursive: true });
  for (const image of images.values()) await writeImage(dir, image, source);
}

function shardName(split: string, index: number, shards: number, format: DatasetFormat): string {
  const five = (value: number): string => String(value).padStart(5, '0');
  return `${split}-${five(index)}-of-${five(shards)}.${format}`;
}

async function writeShard(path: string, format: DatasetFormat, traces: readonly Trace[]): Promise<void> {
  if (format === 'jsonl') return writeFileAtomic(path, traces.map(jsonLine));
  const rows = `${path}.rows`;
  try {
    await writeFileAtomic(
      rows,
      traces.map((trace) => jsonLine(traceToRow(trace))),
    );
    await writeAtomically(path, (temporary) => jsonlToParquet(rows, temporary, TRACE_COLUMNS_SQL));
  } finally {
    await rm(rows, { force: true });
  }
}

type ManifestFile = DatasetManifest['files'][number];

interface Layout {
  readonly dir: string;
  readonly split: string;
  readonly formats: readonly DatasetFormat[];
  readonly rowsPerShard: number;
}

/** @throws ERR_RANGE */
function requireLayout(layout: Layout): Layout {
  if (Number.isSafeInteger(layout.rowsPerShard) && layout.rowsPerShard > 0 && layout.formats.length > 0) return layout;
  throw new VlprmError('ERR_RANGE', 'a dataset needs at least one format and one row per shard', {
    where: layout.dir,
    fix: 'leave both at their defaults',
  });
}

async function writeShards(traces: readonly Trace[], layout: Layout): Promise<ManifestFile[]> {
  const { dir, split, formats, rowsPerShard } = layout;
  const shards = Math.max(1, Math.ceil(traces.length / rowsPerShard));
  const files: ManifestFile[] = [];
  for (const format of formats) {
    for (let index = 0; index < shards; index++) {
      const rows = traces.slice(index * rowsPerShard, (index + 1) * rowsPerShard);
      const name = shardName(split, index, shards, format);
      const path = join(dir, name);
      await writeShard(path, format, rows);
      files.push({ path: name, sha256: await hashFile(path), rows: rows.length, bytes: (await stat(path)).size });
    }
  }
  return files;
}

/** Removes shards and leftovers of an earlier dataset in the same folder. */
async function removeStale(dir: string, keep: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(dir)) {
    if (/(\.parquet|\.jsonl|\.rows|\.tmp)$/.test(name) && !keep.has(name)) await rm(join(dir, name));
  }
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function countDataset(traces: readonly Trace[]): DatasetCounts {
  const labels = { right: 0, neutral: 0, wrong: 0, none: 0 };
  const sources: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  for (const trace of traces) {
    increment(sources, trace.provenance.source);
    increment(reasons, trace.consensus?.reason ?? 'unlabelled');
    for (const { label } of trace.steps) {
      labels[label === null ? 'none' : label === 1 ? 'right' : label === 0 ? 'neutral' : 'wrong'] += 1;
    }
  }
  return { labels, sources, reasons };
}

/**
 * Writes a dataset folder: images, shards (Parquet and JSONL), the card, and last the manifest with all hashes.
 * Each file is written whole or not at all; without its manifest a folder is no dataset, so a killed write is never read.
 * The same traces give the same bytes in every file but the manifest, which carries its time.
 * @returns the manifest, and the traces as written: their images lie in the dataset folder
 * @throws ERR_RANGE, ERR_DATASET_INVALID, ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED, and what `images` throws
 */
export async function writeDataset(request: DatasetRequest): Promise<{ manifest: DatasetManifest; traces: Trace[] }> {
  const { dir, rule, seed, split = 'train', formats = ['parquet', 'jsonl'], rowsPerShard = 20_000 } = request;
  const layout = requireLayout({ dir, split, formats, rowsPerShard });
  await rm(join(dir, 'manifest.json'), { force: true });
  await writeImages(dir, request.traces, request.images);
  const traces = request.traces.map((trace) => {
    const images = trace.images.map((image) => ({ ...image, path: imagePath(image) }));
    // Parsing puts the fields in the order of the schema, whoever made the trace.
    return parseTrace({ ...trace, images }, `trace ${trace.id}`);
  });
  const files = await writeShards(traces, layout);
  const manifest: DatasetManifest = {
    schema: DATASET_SCHEMA,
    files,
    traces: traces.length,
    kept: traces.filter((trace) => trace.consensus?.kept === true).length,
    rule: rule?.name ?? null,
    threshold: rule?.threshold ?? null,
    splits: { [split]: traces.length },
    seed,
    licenses: { ...request.licenses },
    run: request.run ?? null,
    createdAt: new Date().toISOString(),
  };
  await writeFileAtomic(join(dir, 'README.md'), datasetCard(manifest, countDataset(traces)));
  await removeStale(dir, new Set(files.map(({ path }) => path)));
  await writeJsonAtomic(join(dir, 'manifest.json'), manifest);
  return { manifest, traces };
}
