import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { VlprmError, type Ledger, type LedgerAccess, type LedgerEntry } from '@vlprm/core/runtime';
import { openEntryTable, toEntry, toRow, type EntryRow, type EntryTable, type NewRow } from './entry-table.ts';

/** Rows after which a turn of the loop lets others work: some milliseconds. */
const ROWS_PER_TURN = 1024;

interface Read {
  readonly keys: readonly string[];
  readonly resolve: (found: Map<string, LedgerEntry>) => void;
  readonly reject: (error: unknown) => void;
}

interface Write {
  readonly rows: readonly NewRow[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Reads and writes of one turn of the event loop are done together: one transaction, one query. */
class TableTurns {
  readonly #table: EntryTable;
  #reads: Read[] = [];
  #writes: Write[] = [];
  #scheduled = false;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(table: EntryTable) {
    this.#table = table;
  }

  read(keys: readonly string[]): Promise<Map<string, LedgerEntry>> {
    return this.#soon((resolve, reject) => this.#reads.push({ keys, resolve, reject }));
  }

  write(rows: readonly NewRow[]): Promise<void> {
    return this.#soon((resolve, reject) => this.#writes.push({ rows, resolve, reject }));
  }

  /** Has the table for itself, after what came before. */
  alone<T>(task: (table: EntryTable) => Promise<T>): Promise<T> {
    return this.#queue(() => task(this.#table));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const closed = this.alone(async (table) => table.close());
    this.#closed = true;
    await closed;
  }

  /** Runs tasks one after another; a task that fails does not hold up the next. */
  #queue<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(afterClose());
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Adds to what is done at the next turn. */
  #soon<T>(add: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw afterClose();
      add(resolve, reject);
      if (this.#scheduled) return;
      this.#scheduled = true;
      void this.#queue(() => this.#turn());
    });
  }

  async #turn(): Promise<void> {
    await setImmediate();
    this.#scheduled = false;
    const [reads, writes] = [this.#reads, this.#writes];
    this.#reads = [];
    this.#writes = [];
    for (const [index, group] of [...groupsOf(writes)].entries()) {
      if (index > 0) await setImmediate();
      await this.#store(group);
    }
    this.#answer(reads);
  }

  async #store(writes: readonly Write[]): Promise<void> {
    try {
      await atomically(this.#table, () => {
        this.#table.insert(writes.flatMap(({ rows }) => rows));
      });
    } catch (error) {
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const { resolve } of writes) resolve();
  }

  #answer(reads: readonly Read[]): void {
    if (reads.length === 0) return;
    try {
      const found = this.#table.select(reads.flatMap(({ keys }) => keys));
      for (const { keys, resolve } of reads) resolve(entriesOf(found, keys));
    } catch (error) {
      for (const { reject } of reads) reject(error);
    }
  }
}

function afterClose(): VlprmError {
  return new VlprmError('ERR_INTERNAL', 'a ledger is used after it was closed');
}

/** Consecutive writes of some {@link ROWS_PER_TURN} rows; what was put together stays together. */
function* groupsOf(writes: readonly Write[]): Generator<readonly Write[]> {
  let begin = 0;
  let rows = 0;
  for (const [index, write] of writes.entries()) {
    rows += write.rows.length;
    if (rows < ROWS_PER_TURN && index < writes.length - 1) continue;
    yield writes.slice(begin, index + 1);
    begin = index + 1;
    rows = 0;
  }
}

async function atomically<T>(table: EntryTable, work: () => T | Promise<T>): Promise<T> {
  table.begin();
  try {
    const result = await work();
    table.commit();
    return result;
  } catch (error) {
    table.rollback();
    throw error;
  }
}

/** Entries of the keys that were found, each with values of its own. */
function entriesOf(found: ReadonlyMap<string, EntryRow>, keys: readonly string[]): Map<string, LedgerEntry> {
  const rows = keys.flatMap((key) => found.get(key) ?? []);
  return new Map(rows.map((row) => [row.key, toEntry(row)]));
}

/** Gets and puts as one port, whatever reads and writes. */
function accessBy(
  read: (keys: readonly string[]) => Promise<Map<string, LedgerEntry>>,
  write: (rows: readonly NewRow[]) => Promise<void>,
): LedgerAccess {
  return {
    get: async (key) => (await read([key])).get(key) ?? null,
    getMany: read,
    put: async (entry) => write([toRow(entry)]),
    putMany: async (entries) => write(entries.map(toRow)),
  };
}

function accessTo(table: EntryTable): LedgerAccess {
  return accessBy(
    async (keys) => entriesOf(table.select(keys), keys),
    async (rows) => table.insert(rows),
  );
}

function openTable(path: string): EntryTable {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openEntryTable(path);
  } catch (cause) {
    if (VlprmError.is(cause)) throw cause;
    throw new VlprmError('ERR_FILE_MALFORMED', 'the ledger cannot be opened', {
      where: path,
      fix: 'choose another --out, or remove the file to begin anew',
      cause,
    });
  }
}

/**
 * A ledger in an SQLite file. What a resolved promise has stored survives a killed process, and a batch is stored as a
 * whole. Puts of one turn of the event loop share a transaction. Creates the file and its folder. One connection: a
 * `transaction` makes other callers wait.
 * @throws ERR_FILE_MALFORMED for a file that is no SQLite database, ERR_SCHEMA_VERSION for a ledger of another version
 */
export function openSqliteLedger(path: string): Ledger {
  const turns = new TableTurns(openTable(path));
  return {
    ...accessBy(
      (keys) => turns.read(keys),
      (rows) => turns.write(rows),
    ),
    transaction: (work) => turns.alone((table) => atomically(table, () => work(accessTo(table)))),
    usage: () => turns.alone(async (table) => table.totals()),
    close: () => turns.close(),
  };
}
