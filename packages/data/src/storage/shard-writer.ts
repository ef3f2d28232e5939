import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest, Trace } from '@vlprm/core/records';
import { hashFile, writeAtomically } from '@vlprm/core/runtime';
import { jsonLine } from '../formats/jsonl.ts';
import { jsonlToParquet } from '../formats/parquet.ts';
import { TRACE_COLUMNS_SQL, traceToRow } from '../formats/traces-parquet.ts';

export type DatasetFormat = 'parquet' | 'jsonl';

export interface ShardLayout {
  readonly dir: string;
  readonly split: string;
  readonly formats: readonly DatasetFormat[];
  /** Rows per shard, at least 1. */
  readonly rowsPerShard: number;
}

/** Text that is held before it is written, in characters. */
const BUFFERED = 2 ** 20;

const five = (value: number): string => String(value).padStart(5, '0');

/** Lines of one file, written in large pieces. */
class LineFile {
  readonly #handle: FileHandle;
  #lines: string[] = [];
  #length = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async add(line: string): Promise<void> {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= BUFFERED) await this.#flush();
  }

  async close(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#handle.close();
    }
  }

  async #flush(): Promise<void> {
    await this.#handle.appendFile(this.#lines.join(''));
    this.#lines = [];
    this.#length = 0;
  }
}

/** A shard that is being written: its rows as lines, for each format in the form that it is made from. */
interface OpenShard {
  readonly files: ReadonlyMap<DatasetFormat, LineFile>;
  rows: number;
}

const LINE_OF: Readonly<Record<DatasetFormat, (trace: Trace) => string>> = {
  jsonl: jsonLine,
  parquet: (trace) => jsonLine(traceToRow(trace)),
};

/**
 * Writes traces into shards as they come. Until all are known, shards have temporary names that end in `.tmp`; `finish`
 * gives each its place and the number of all, whole or not at all.
 */
export class ShardWriter {
  readonly #layout: ShardLayout;
  readonly #rows: number[] = [];
  #open: OpenShard | null = null;

  constructor(layout: ShardLayout) {
    this.#layout = layout;
  }

  async add(trace: Trace): Promise<void> {
    const shard = (this.#open ??= await this.#begin());
    for (const [format, file] of shard.files) await file.add(LINE_OF[format](trace));
    shard.rows += 1;
    if (shard.rows >= this.#layout.rowsPerShard) await this.#end();
  }

  /** The files in the order of the formats. Without a row there is one empty shard. */
  async finish(): Promise<DatasetManifest['files']> {
    if (this.#rows.length === 0) this.#open ??= await this.#begin();
    await this.#end();
    const { dir, split, formats } = this.#layout;
    const files: DatasetManifest['files'] = [];
    for (const format of formats) {
      for (const [index, rows] of this.#rows.entries()) {
        const name = `${split}-${five(index)}-of-${five(this.#rows.length)}.${format}`;
        const path = join(dir, name);
        await writeAtomically(path, (temporary) => rename(this.#part(index, format), temporary));
        files.push({ path: name, sha256: await hashFile(path), rows, bytes: (await stat(path)).size });
      }
    }
    return files;
  }

  /** Closes what is open; to be called when the traces end early. */
  async abandon(): Promise<void> {
    const shard = this.#open;
    this.#open = null;
    for (const file of shard?.files.values() ?? []) await file.close();
  }

  #part(index: number, kind: DatasetFormat | 'rows'): string {
    return join(this.#layout.dir, `${this.#layout.split}-${five(index)}.${kind}.tmp`);
  }

  async #begin(): Promise<OpenShard> {
    const files = new Map<DatasetFormat, LineFile>();
    for (const format of this.#layout.formats) {
      const path = this.#part(this.#rows.length, format === 'parquet' ? 'rows' : format);
      files.set(format, new LineFile(await open(path, 'w')));
    }
    return { files, rows: 0 };
  }

  async #end(): Promise<void> {
    const shard = this.#open;
    if (shard === null) return;
    await this.abandon();
    const index = this.#rows.push(shard.rows) - 1;
    if (!shard.files.has('parquet')) return;
    const rows = this.#part(index, 'rows');
    await jsonlToParquet(rows, this.#part(index, 'parquet'), TRACE_COLUMNS_SQL);
    await rm(rows);
  }
}
