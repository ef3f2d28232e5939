import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATASET_SCHEMA, type DatasetManifest, type ImageRef, type Trace } from '@vlprm/core/records';
import { parseTrace, sha256, VlprmError, writeFileAtomic, writeJsonAtomic } from '@vlprm/core/runtime';
import { datasetCard, type DatasetCounts } from './dataset-card.ts';
import { ShardWriter, type DatasetFormat, type ShardLayout } from './shard-writer.ts';

/** Gives the bytes of an image that a trace names. It is asked for a trace's images before the next trace is taken. */
export type ImageSource = (image: ImageRef) => Uint8Array | Promise<Uint8Array>;

export interface DatasetRequest {
  readonly dir: string;
  /** All traces, dropped ones included; the order is kept. They are taken one at a time and not held. */
  readonly traces: Iterable<Trace> | AsyncIterable<Trace>;
  readonly images: ImageSource;
  readonly rule: { readonly name: string; readonly threshold: number | null } | null;
  readonly seed: number | null;
  /** Licence of each source; those of sources that occur are written. */
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

/** Hashes of images that are remembered as written; images of an earlier trace are looked up on disk. */
const REMEMBERED = 4096;

class ImageWriter {
  readonly #dir: string;
  readonly #source: ImageSource;
  #written = new Set<string>();

  constructor(dir: string, source: ImageSource) {
    this.#dir = dir;
    this.#source = source;
  }

  async add(images: readonly ImageRef[]): Promise<void> {
    for (const image of images) {
      if (this.#written.has(image.sha256)) continue;
      await writeImage(this.#dir, image, this.#source);
      if (this.#written.size >= REMEMBERED) this.#written = new Set();
      this.#written.add(image.sha256);
    }
  }
}

/** @throws ERR_RANGE */
function requireLayout(layout: ShardLayout): ShardLayout {
  if (Number.isSafeInteger(layout.rowsPerShard) && layout.rowsPerShard > 0 && layout.formats.length > 0) return layout;
  throw new VlprmError('ERR_RANGE', 'a dataset needs at least one format and one row per shard', {
    where: layout.dir,
    fix: 'leave both at their defaults',
  });
}

/** What this writer makes: other files in the folder, such as a filled audit, are not its own. */
const SHARD_OR_LEFTOVER = /-\d{5}-of-\d{5}\.(?:parquet|jsonl)$|\.tmp$/;

/** Removes shards and leftovers of an earlier dataset in the same folder. */
async function removeStale(dir: string, keep: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(dir)) {
    if (SHARD_OR_LEFTOVER.test(name) && !keep.has(name)) await rm(join(dir, name));
  }
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** Counts traces for the card and the manifest as they pass. */
class TraceCount {
  readonly #labels = { right: 0, neutral: 0, wrong: 0, none: 0 };
  readonly #sources: Record<string, number> = {};
  readonly #reasons: Record<string, number> = {};
  all = 0;
  kept = 0;

  add({ consensus, provenance, steps }: Trace): void {
    this.all += 1;
    if (consensus?.kept === true) this.kept += 1;
    increment(this.#sources, provenance.source);
    increment(this.#reasons, consensus?.reason ?? 'unlabelled');
    for (const { label } of steps) {
      this.#labels[label === null ? 'none' : label === 1 ? 'right' : label === 0 ? 'neutral' : 'wrong'] += 1;
    }
  }

  get counts(): DatasetCounts {
    return { labels: this.#labels, sources: this.#sources, reasons: this.#reasons };
  }
}

function licensesOf(
  sources: DatasetCounts['sources'],
  licenses: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(Object.entries(licenses).filter(([source]) => source in sources));
}

/** Writes the images and shards of the traces as they come. */
async function writeTraces(
  request: DatasetRequest,
  layout: ShardLayout,
): Promise<{ files: DatasetManifest['files']; count: TraceCount }> {
  const { dir } = request;
  await mkdir(join(dir, 'images'), { recursive: true });
  const images = new ImageWriter(dir, request.images);
  const shards = new ShardWriter(layout);
  const count = new TraceCount();
  try {
    for await (const trace of request.traces) {
      await images.add(trace.images);
      const own = trace.images.map((image) => ({ ...image, path: imagePath(image) }));
      // Parsing puts the fields in the order of the schema, whoever made the trace.
      const parsed = parseTrace({ ...trace, images: own }, `trace ${trace.id}`);
      await shards.add(parsed);
      count.add(parsed);
    }
    return { files: await shards.finish(), count };
  } finally {
    await shards.abandon();
  }
}

/**
 * Writes a dataset folder: images, shards (Parquet and JSONL), the card, and last the manifest with all hashes. Memory
 * does not grow with the traces.
 * Each file is written whole or not at all; without its manifest a folder is no dataset, so a killed write is never read.
 * The same traces give the same bytes in every file but the manifest, which carries its time.
 * @throws ERR_RANGE, ERR_DATASET_INVALID, ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED, and what `traces` and `images` throw
 */
export async function writeDataset(request: DatasetRequest): Promise<{ manifest: DatasetManifest }> {
  const { dir, rule, seed, split = 'train', formats = ['parquet', 'jsonl'], rowsPerShard = 20_000 } = request;
  const layout = requireLayout({ dir, split, formats, rowsPerShard });
  await rm(join(dir, 'manifest.json'), { force: true });
  const { files, count } = await writeTraces(request, layout);
  const manifest: DatasetManifest = {
    schema: DATASET_SCHEMA,
    files,
    traces: count.all,
    kept: count.kept,
    rule: rule?.name ?? null,
    threshold: rule?.threshold ?? null,
    splits: { [split]: count.all },
    seed,
    licenses: licensesOf(count.counts.sources, request.licenses),
    run: request.run ?? null,
    createdAt: new Date().toISOString(),
  };
  await writeFileAtomic(join(dir, 'README.md'), datasetCard(manifest, count.counts));
  await removeStale(dir, new Set(files.map(({ path }) => path)));
  await writeJsonAtomic(join(dir, 'manifest.json'), manifest);
  return { manifest };
}
