import { usageSchema, type Usage } from '@vlprm/core/records';
import { canonicalJson, parseRecord, VlprmError, type LedgerEntry } from '@vlprm/core/runtime';
import Database from 'libsql';
import { z } from 'zod';

/** Raised when the tables change. */
const USER_VERSION = 2;

/**
 * Rows in the order of storing, and a narrow index of their keys: keys are hashes, so that every new one falls on another
 * page, and pages are what a commit writes. A whole key is 64 bytes; of its first 12 an index has a fifth of the pages.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    stage TEXT NOT NULL,
    value TEXT NOT NULL,
    calls INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    usd REAL
  );
  CREATE INDEX IF NOT EXISTS entries_by_key ON entries (substr(key, 1, 12))`;

const WANTED = `
  FROM json_each(?) AS wanted
  CROSS JOIN entries ON substr(entries.key, 1, 12) = substr(wanted.value, 1, 12) AND entries.key = wanted.value`;

const INSERT = `
  INSERT INTO entries (key, stage, value, calls, prompt_tokens, completion_tokens, usd)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;

/** Sums by stage; a part that is unknown in one entry is unknown in the sum. */
const TOTALS = `
  SELECT stage,
    sum(calls) AS calls,
    CASE WHEN count(prompt_tokens) = count(*) THEN sum(prompt_tokens) END AS promptTokens,
    CASE WHEN count(completion_tokens) = count(*) THEN sum(completion_tokens) END AS completionTokens,
    CASE WHEN count(usd) = count(*) THEN sum(usd) END AS usd
  FROM entries GROUP BY stage ORDER BY stage`;

const keySchema = z.object({ key: z.string() });
const rowSchema = z.object({
  key: z.string(),
  stage: z.string(),
  value: z.string(),
  calls: z.int(),
  prompt_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  usd: z.number().nullable(),
});
/** A row as it is stored. */
export type EntryRow = z.infer<typeof rowSchema>;
const totalSchema = usageSchema.extend({ stage: z.string() });

/** A row as `INSERT` takes it; its key comes first. */
export type NewRow = readonly [string, string, string, number, number | null, number | null, number | null];

/** @throws ERR_INTERNAL for a value that JSON cannot hold, or a usage that is none */
export function toRow({ key, stage, value, usage }: LedgerEntry): NewRow {
  const { calls, promptTokens, completionTokens, usd } = parseRecord(
    usageSchema,
    usage,
    `ledger entry ${key}`,
    'ERR_INTERNAL',
  );
  return [key, stage, canonicalJson(value), calls, promptTokens, completionTokens, usd];
}

export function toEntry(row: EntryRow): LedgerEntry {
  const { key, stage, value, calls, prompt_tokens, completion_tokens, usd } = row;
  const usage = { calls, promptTokens: prompt_tokens, completionTokens: completion_tokens, usd };
  return { key, stage, value: JSON.parse(value) as unknown, usage };
}

/** The entries of a ledger, in an SQLite file of one connection. */
export interface EntryTable {
  /** Rows that exist, by key. */
  select(keys: readonly string[]): Map<string, EntryRow>;
  /** Adds rows whose keys are new. The first row of a key stays. */
  insert(rows: readonly NewRow[]): void;
  totals(): Record<string, Usage>;
  begin(): void;
  commit(): void;
  rollback(): void;
  /** Writes what the log still holds into the file. */
  close(): void;
}

function openDatabase(path: string): Database.Database {
  const database = new Database(path, { timeout: 10_000 });
  // WAL and synchronous=NORMAL: a commit survives a killed process; a power cut may lose the newest, never the file.
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = NORMAL');
  // Room for the pages of the index: 64 MiB in memory, 16 MiB of log between checkpoints.
  database.exec('PRAGMA cache_size = -65536');
  database.exec('PRAGMA wal_autocheckpoint = 4096');
  const [version] = database.prepare('PRAGMA user_version').raw().get() as [number];
  if (version !== 0 && version !== USER_VERSION) {
    database.close();
    throw new VlprmError('ERR_SCHEMA_VERSION', `a ledger of version ${version} where ${USER_VERSION} is expected`, {
      where: path,
      fix: 'go on with the version of vlprm that began the run, or choose another --out',
    });
  }
  database.exec(TABLES);
  database.exec(`PRAGMA user_version = ${USER_VERSION}`);
  return database;
}

/** @throws ERR_SCHEMA_VERSION for a ledger of another version, and what SQLite throws */
export function openEntryTable(path: string): EntryTable {
  const database = openDatabase(path);
  const selectRows = database.prepare(`SELECT entries.* ${WANTED}`);
  const selectKeys = database.prepare(`SELECT entries.key ${WANTED}`);
  const insertRow = database.prepare(INSERT);
  const selectTotals = database.prepare(TOTALS);
  return {
    select: (keys) => {
      const rows = selectRows.all(JSON.stringify(keys)).map((row) => rowSchema.parse(row));
      return new Map(rows.map((row) => [row.key, row]));
    },
    insert: (rows) => {
      const wanted = JSON.stringify(rows.map(([key]) => key));
      const known = new Set(selectKeys.all(wanted).map((row) => keySchema.parse(row).key));
      for (const row of rows) {
        if (known.has(row[0])) continue;
        known.add(row[0]);
        insertRow.run(row);
      }
    },
    totals: () => {
      const totals = selectTotals.all().map((row) => totalSchema.parse(row));
      return Object.fromEntries(totals.map(({ stage, ...usage }) => [stage, usage]));
    },
    begin: () => database.exec('BEGIN IMMEDIATE'),
    commit: () => database.exec('COMMIT'),
    // After some failures, a full disk among them, SQLite has rolled back already.
    rollback: () => {
      if (database.inTransaction) database.exec('ROLLBACK');
    },
    close: () => database.close(),
  };
}
