import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { datasetManifestSchema, type DatasetManifest, type ImageRef, type Trace } from '@vlprm/core/records';
import { contentHash, hashFile, readJsonFile, sha256, VlprmError } from '@vlprm/core/runtime';
import { readTracesJsonl } from '../formats/jsonl.ts';
import { readTracesParquet } from '../formats/traces-parquet.ts';

/** A dataset folder whose files are what its manifest says. */
export interface Dataset {
  /** The folder that holds `manifest.json`; paths of images are relative to it. */
  readonly dir: string;
  readonly manifest: DatasetManifest;
  /** Every trace, dropped ones included, in the order of writing. */
  traces(): AsyncGenerator<Trace>;
  /** Bytes of an image that a trace of this dataset names, checked against its hash. */
  image(image: ImageRef): Promise<Uint8Array>;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** The dataset folder of a run or dataset folder. */
async function locate(dir: string): Promise<string> {
  for (const folder of [dir, join(dir, 'dataset')]) {
    if (await isFile(join(folder, 'manifest.json'))) return folder;
  }
  throw new VlprmError('ERR_FILE_MISSING', 'there is no dataset in the folder', {
    where: join(dir, 'manifest.json'),
    fix: 'give a run or dataset folder; a run that was interrupted is resumed by the same command again',
  });
}

function invalid(what: string, where: string): VlprmError {
  return new VlprmError('ERR_DATASET_INVALID', what, { where, fix: 'make the dataset again from its run' });
}

async function verifyFiles(dir: string, manifest: DatasetManifest): Promise<void> {
  for (const file of manifest.files) {
    const path = join(dir, file.path);
    if ((await hashFile(path)) !== file.sha256) throw invalid('the file is not the one that the manifest lists', path);
  }
}

async function* readShards(dir: string, manifest: DatasetManifest): AsyncGenerator<Trace> {
  const parquet = manifest.files.filter(({ path }) => path.endsWith('.parquet'));
  const shards = parquet.length > 0 ? parquet : manifest.files.filter(({ path }) => path.endsWith('.jsonl'));
  let total = 0;
  for (const shard of shards) {
    const path = join(dir, shard.path);
    let rows = 0;
    for await (const trace of parquet.length > 0 ? readTracesParquet(path) : readTracesJsonl(path)) {
      rows += 1;
      yield trace;
    }
    if (rows !== shard.rows) throw invalid(`${rows} rows where the manifest says ${shard.rows}`, path);
    total += rows;
  }
  if (total !== manifest.traces) throw invalid(`${total} traces where the manifest says ${manifest.traces}`, dir);
}

async function readImage(dir: string, image: ImageRef): Promise<Uint8Array> {
  const path = join(dir, image.path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new VlprmError('ERR_FILE_MISSING', 'an image of the dataset is missing', {
      where: path,
      fix: 'copy the whole folder',
      cause,
    });
  }
  if (sha256(bytes) !== image.sha256) throw invalid('the image is not the one that the trace names', path);
  return bytes;
}

/**
 * Opens the dataset of a dataset folder, or of a run folder, and checks every file against its hash.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION, ERR_DATASET_INVALID; reading rows besides
 *   ERR_TRACE_EMPTY and ERR_TRACE_MALFORMED with `file:line`
 */
export async function openDataset(folder: string): Promise<Dataset> {
  const dir = await locate(folder);
  const manifest = await readJsonFile(join(dir, 'manifest.json'), datasetManifestSchema);
  await verifyFiles(dir, manifest);
  return {
    dir,
    manifest,
    traces: () => readShards(dir, manifest),
    image: (image) => readImage(dir, image),
  };
}

/** All traces of a dataset in memory. Errors as {@link openDataset}. */
export async function readTraces(dataset: Dataset): Promise<Trace[]> {
  const traces: Trace[] = [];
  for await (const trace of dataset.traces()) traces.push(trace);
  return traces;
}

/** Identity of what a dataset says, whenever and by whatever run it was written: sha256 over its files, rule and seed. */
export function datasetHash(manifest: DatasetManifest): string {
  const { createdAt: _created, run: _run, ...content } = manifest;
  return contentHash(content);
}
