import { addUsage, NO_USAGE, usageSchema } from '../records/index.ts';
import type { Usage } from '../records/index.ts';
import { canonicalJson } from './content-hash.ts';
import { parseRecord } from './parse-record.ts';
import { createUsageMeter } from './usage-meter.ts';

/** Something that was done and paid for: its content key, its result and its cost. */
export interface LedgerEntry {
  /** Content hash of everything that the value depends on. */
  readonly key: string;
  /** Stage of the pipeline, for totals. */
  readonly stage: string;
  /** JSON value. */
  readonly value: unknown;
  readonly usage: Usage;
}

/** What reads and writes a ledger. */
export interface LedgerAccess {
  get(key: string): Promise<LedgerEntry | null>;
  /** Entries that exist, by key. */
  getMany(keys: readonly string[]): Promise<Map<string, LedgerEntry>>;
  /** Stores an entry. The first one under a key stays: a repeated put changes nothing, usage included. */
  put(entry: LedgerEntry): Promise<void>;
  /** As `put` for many, all or nothing. */
  putMany(entries: readonly LedgerEntry[]): Promise<void>;
}

/**
 * Port: what has been done, call by call, so that a run resumes without repeating or losing work, and knows its cost.
 * Durable once a promise has resolved, for ledgers that outlive the process.
 */
export interface Ledger extends LedgerAccess {
  /** Runs `work` so that either all its puts are kept or, when it throws, none. Not nested. */
  transaction<T>(work: (ledger: LedgerAccess) => Promise<T>): Promise<T>;
  /** Sum of the usage of all entries, by stage. */
  usage(): Promise<Record<string, Usage>>;
  close(): Promise<void>;
}

interface Row {
  readonly stage: string;
  readonly json: string;
  readonly usage: Usage;
}

function accessTo(read: (key: string) => Row | undefined, write: (key: string, row: Row) => void): LedgerAccess {
  const get = (key: string): LedgerEntry | null => {
    const row = read(key);
    return row ? { key, stage: row.stage, value: JSON.parse(row.json) as unknown, usage: row.usage } : null;
  };
  return {
    get: (key) => Promise.resolve(get(key)),
    getMany: (keys) =>
      Promise.resolve(
        new Map(
          keys.flatMap((key) => {
            const entry = get(key);
            return entry ? [[key, entry] as const] : [];
          }),
        ),
      ),
    put: (entry) => settle(() => writeRows([entry], read, write)),
    putMany: (entries) => settle(() => writeRows(entries, read, write)),
  };
}

/** Runs synchronous work as a promise: what it throws becomes a rejection. */
function settle<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function usageByStage(rows: Iterable<Row>): Record<string, Usage> {
  const totals: Record<string, Usage> = {};
  for (const { stage, usage } of rows) totals[stage] = addUsage(totals[stage] ?? NO_USAGE, usage);
  return totals;
}

function writeRows(
  entries: readonly LedgerEntry[],
  read: (key: string) => Row | undefined,
  write: (key: string, row: Row) => void,
): void {
  const rows = entries.map(({ key, stage, value, usage }) => {
    return [
      key,
      {
        stage,
        json: canonicalJson(value),
        usage: parseRecord(usageSchema, usage, `ledger entry ${key}`, 'ERR_INTERNAL'),
      },
    ] as const;
  });
  for (const [key, row] of rows) if (!read(key)) write(key, row);
}

/** A ledger in memory, for tests and for work that need not outlive the process. */
export function createMemoryLedger(): Ledger {
  const rows = new Map<string, Row>();
  const direct = accessTo(
    (key) => rows.get(key),
    (key, row) => rows.set(key, row),
  );
  return {
    ...direct,
    transaction: async (work) => {
      const staged = new Map<string, Row>();
      const result = await work(
        accessTo(
          (key) => staged.get(key) ?? rows.get(key),
          (key, row) => staged.set(key, row),
        ),
      );
      for (const [key, row] of staged) if (!rows.has(key)) rows.set(key, row);
      return result;
    },
    usage: () => Promise.resolve(usageByStage(rows.values())),
    close: () => Promise.resolve(),
  };
}

/**
 * A ledger that keeps totals alone, so that its memory does not grow with the calls: for a server, where equal calls are
 * rare. It finds no entry again.
 */
export function createTotalsLedger(): Ledger {
  const totals = createUsageMeter();
  const add = ({ stage, usage }: LedgerEntry): void => totals.add(stage, usage);
  const access: LedgerAccess = {
    get: () => Promise.resolve(null),
    getMany: () => Promise.resolve(new Map()),
    put: async (entry) => add(entry),
    putMany: async (entries) => entries.forEach(add),
  };
  return {
    ...access,
    transaction: async (work) => {
      const staged: LedgerEntry[] = [];
      const stage = async (entries: readonly LedgerEntry[]): Promise<void> => void staged.push(...entries);
      const result = await work({ ...access, put: (entry) => stage([entry]), putMany: stage });
      staged.forEach(add);
      return result;
    },
    usage: () => Promise.resolve(totals.byStage()),
    close: () => Promise.resolve(),
  };
}
