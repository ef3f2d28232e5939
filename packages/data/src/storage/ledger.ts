import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageSchema } from '@vlprm/core/records';
import { canonicalJson, VlprmError, type Ledger, type LedgerAccess, type LedgerEntry } from '@vlprm/core/runtime';
import Database from 'libsql';
import { z } from 'zod';

/** Raised when the tables change. */
const USER_VERSION = 1;

const TABLES = `
  CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY,
    stage TEXT NOT NULL,
    value TEXT NOT NULL,
    calls INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    usd REAL
  ) WITHOUT ROWID`;

const rowSchema = z.object({
  key: z.string(),
  stage: z.string(),
  value: z.string(),
  calls: z.int(),
  prompt_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  usd: z.number().nullable(),
});

/** Sums by stage; a part that is unknown in one entry is unknown in the sum. */
const TOTALS = `
  SELECT stage,
    sum(calls) AS calls,
    CASE WHEN count(prompt_tokens) = count(*) THEN sum(prompt_tokens) END AS promptTokens,
    CASE WHEN count(completion_tokens) = count(*) THEN sum(completion_tokens) END AS completionTokens,
    CASE WHEN count(usd) = count(*) THEN sum(usd) END AS usd
  FROM entries GROUP BY stage ORDER BY stage`;

const totalSchema = usageSchema.extend({ stage: z.string() });

function toEntry(row: unknown): LedgerEntry {
  const { key, stage, value, calls, prompt_tokens, completion_tokens, usd } = rowSchema.parse(row);
  const usage = { calls, promptTokens: prompt_tokens, completionTokens: completion_tokens, usd };
  return { key, stage, value: JSON.parse(value) as unknown, usage };
}

function openDatabase(path: string): Database.Database {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { timeout: 10_000 });
  // WAL and synchronous=NORMAL: a commit survives a killed process; a power cut may lose the newest, never the file.
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = NORMAL');
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

/** Runs tasks one after another; a task that fails does not hold up the next. */
function createQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}

/**
 * A ledger in an SQLite file. What a resolved promise has stored survives a killed process, and a batch is stored in
 * one transaction. Creates the file and its folder. One connection: a `transaction` makes other callers wait.
 * @throws ERR_FILE_MALFORMED for a file that is no SQLite database, ERR_SCHEMA_VERSION for a ledger of another version
 */
export function openSqliteLedger(path: string): Ledger {
  let database: Database.Database;
  try {
    database = openDatabase(path);
  } catch (cause) {
    if (VlprmError.is(cause)) throw cause;
    throw new VlprmError('ERR_FILE_MALFORMED', 'the ledger cannot be opened', {
      where: path,
      fix: 'choose another --out, or remove the file to begin anew',
      cause,
    });
  }
  const select = database.prepare('SELECT * FROM entries WHERE key = ?');
  const insert = database.prepare('INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)');
  const queue = createQueue();

  const get = (key: string): LedgerEntry | null => {
    const row = select.get(key);
    return row === undefined ? null : toEntry(row);
  };
  const insertEntries = (entries: readonly LedgerEntry[]): void => {
    for (const { key, stage, value, usage } of entries) {
      const { calls, promptTokens, completionTokens, usd } = usageSchema.parse(usage);
      insert.run(key, stage, canonicalJson(value), calls, promptTokens, completionTokens, usd);
    }
  };
  const within = async <T>(work: () => Promise<T>): Promise<T> => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = await work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  };
  const access = (
    read: <T>(task: () => Promise<T>) => Promise<T>,
    store: (entries: readonly LedgerEntry[]) => Promise<void>,
  ): LedgerAccess => ({
    get: (key) => read(async () => get(key)),
    getMany: (keys) =>
      read(async () => {
        const found = keys.map(get).filter((entry) => entry !== null);
        return new Map(found.map((entry) => [entry.key, entry]));
      }),
    put: (entry) => store([entry]),
    putMany: store,
  });
  const inside = access(
    (task) => task(),
    async (entries) => insertEntries(entries),
  );
  return {
    ...access(queue, (entries) => queue(() => within(async () => insertEntries(entries)))),
    transaction: (work) => queue(() => within(() => work(inside))),
    usage: () =>
      queue(async () => {
        const rows = database
          .prepare(TOTALS)
          .all()
          .map((row) => totalSchema.parse(row));
        return Object.fromEntries(rows.map(({ stage, ...usage }) => [stage, usage]));
      }),
    close: () =>
      queue(async () => {
        database.close();
      }),
  };
}
