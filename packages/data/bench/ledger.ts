import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chatAnswerSchema, type ChatAnswer, type ChatRequest } from '@vlprm/core/models/endpoints';
import {
  callKey,
  canonicalJson,
  createBudget,
  createGateway,
  createMemoryLedger,
  createReplicaPool,
  type Ledger,
  type LedgerAccess,
  type LedgerEntry,
  type ServiceCall,
} from '@vlprm/core/runtime';
import Database from 'libsql';
import { openSqliteLedger } from '../src/storage/ledger.ts';

/** A row of `vlprm.bench/1`: a subject against the floor, in microseconds an event. */
export interface LedgerRow {
  readonly name: string;
  readonly subject: string;
  readonly peer: string;
  readonly tier: 'floor';
  /** Share of the floor's speed that is reached. */
  readonly ratio: number;
  /** |median of the first half of the rounds - median of the second half| / median. */
  readonly spread: number;
  readonly subjectMedian: number;
  readonly peerMedian: number;
  readonly unit: 'us';
  readonly perSecond: number;
  readonly target?: number;
  readonly work: string;
}

const IN_FLIGHT = 1024;
const PRICES = { policy: { promptUsdPerMillion: 1, completionUsdPerMillion: 2 } };
const USAGE = { calls: 1, promptTokens: 60, completionTokens: 5, usd: 0 };

function requestOf(seed: number): ChatRequest {
  return {
    messages: [
      { role: 'system', content: [{ type: 'text', text: 'Solve the problem step by step.' }] },
      {
        role: 'user',
        content: [
          {
            type: 'image',
            sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
            mime: 'image/png',
          },
          { type: 'text', text: 'How many circles are there?' },
        ],
      },
    ],
    n: 1,
    seed,
    sampling: { temperature: 1, topP: 1, topK: null, minP: null, repetitionPenalty: null, maxTokens: 64 },
    stop: [],
    continueFinal: false,
    topLogprobs: 0,
    labelTokenIds: null,
    choices: null,
  };
}

function answerOf(seed: number): ChatAnswer {
  const text = `There are ${seed} circles.`;
  return { choices: [{ text, finish: 'stop', stoppedBy: null, tokens: 5, logprobs: null }] };
}

/** A call that is answered at once, in this process. */
function callOf(seed: number): ServiceCall<null, ChatAnswer> {
  return {
    stage: 'call/policy',
    model: 'policy',
    content: { operation: 'chat', model: 'policy', request: requestOf(seed) },
    affinity: 'problem',
    estimate: { promptTokens: 100, completionTokens: 64 },
    answerSchema: chatAnswerSchema,
    send: async () => ({ answer: answerOf(seed), usage: { ...USAGE, usd: null }, quota: null }),
  };
}

const entryOf = (seed: number): LedgerEntry => ({
  key: callKey(callOf(seed)),
  stage: 'call/policy',
  value: answerOf(seed),
  usage: USAGE,
});

async function inFlight(events: number, work: (seed: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < events) await work(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function throughGateway(ledger: LedgerAccess, events: number): Promise<void> {
  const limits = { weight: 1, requestsPerMinute: null, tokensPerMinute: null, maxConcurrency: IN_FLIGHT };
  const pool = createReplicaPool([{ name: 'a', replica: null, ...limits }], { initialConcurrency: IN_FLIGHT });
  const budget = createBudget({ calls: events, usd: events });
  const gateway = createGateway({ pool, ledger, budget, prices: PRICES });
  const { signal } = new AbortController();
  await inFlight(events, (seed) => gateway.call(callOf(seed), { signal }));
  await gateway.close();
}

/** What no ledger on this database can be faster than: prepared rows, no key looked up, one transaction. */
function bareInserts(path: string, entries: readonly LedgerEntry[]): void {
  const database = new Database(path);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = NORMAL');
  database.exec(
    'CREATE TABLE entries (key TEXT, stage TEXT, value TEXT, calls INTEGER, prompt INTEGER, completion INTEGER, usd REAL)',
  );
  const insert = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)');
  database.exec('BEGIN');
  for (const { key, stage, value, usage } of entries) {
    const { calls, promptTokens, completionTokens, usd } = usage;
    insert.run([key, stage, canonicalJson(value), calls, promptTokens, completionTokens, usd]);
  }
  database.exec('COMMIT');
  database.close();
}

const NOTHING: LedgerAccess = {
  get: async () => null,
  getMany: async () => new Map(),
  put: async () => undefined,
  putMany: async () => undefined,
};

interface Case {
  readonly subject: string;
  readonly target?: number;
  /** Fewer events where one takes long; times are per event. */
  readonly share?: number;
  readonly run: (path: string, entries: readonly LedgerEntry[]) => Promise<void> | void;
}

async function withFile(path: string, work: (ledger: Ledger) => Promise<void>): Promise<void> {
  const ledger = openSqliteLedger(path);
  await work(ledger);
  await ledger.close();
}

const FLOOR = 'bare libsql, all rows in one transaction';
const CASES: readonly Case[] = [
  { subject: FLOOR, run: bareInserts },
  {
    subject: 'calls through gateway, pool and SQLite ledger',
    target: 100_000,
    run: (path, entries) => withFile(path, (ledger) => throughGateway(ledger, entries.length)),
  },
  {
    subject: 'calls through gateway, pool and memory ledger',
    run: (_, entries) => throughGateway(createMemoryLedger(), entries.length),
  },
  {
    subject: 'calls through gateway and pool, nothing stored',
    run: (_, entries) => throughGateway(NOTHING, entries.length),
  },
  {
    subject: 'key of a call alone',
    run: (_, entries) => {
      for (let seed = 0; seed < entries.length; seed++) callKey(callOf(seed));
    },
  },
  {
    subject: 'SQLite ledger alone, 1,024 puts at once',
    run: (path, entries) =>
      withFile(path, (ledger) => inFlight(entries.length, (seed) => ledger.put(entries[seed] as LedgerEntry))),
  },
  {
    subject: 'SQLite ledger alone, one put at a time',
    share: 0.1,
    run: (path, entries) =>
      withFile(path, async (ledger) => {
        for (const entry of entries) await ledger.put(entry);
      }),
  },
];

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
}

/** Medians of interleaved rounds, after one that does not count. */
export async function ledgerBench({ events, rounds }: { events: number; rounds: number }): Promise<LedgerRow[]> {
  const entries = Array.from({ length: events }, (_, seed) => entryOf(seed));
  const times = new Map<Case, number[]>(CASES.map((one) => [one, []]));
  const folder = mkdtempSync(join(tmpdir(), 'vlprm-bench-'));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [index, one] of CASES.entries()) {
        const some = entries.slice(0, Math.ceil(events * (one.share ?? 1)));
        const start = performance.now();
        await one.run(join(folder, `${round}-${index}.sqlite`), some);
        if (round > 0) times.get(one)?.push((1000 * (performance.now() - start)) / some.length);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const floor = median(times.get(CASES[0] as Case) ?? []);
  return CASES.slice(1).map((one) => rowOf(one, times.get(one) ?? [], floor, events));
}

function rowOf({ subject, target }: Case, times: readonly number[], floor: number, events: number): LedgerRow {
  const ours = median(times);
  const half = times.length >> 1;
  const spread = Math.abs(median(times.slice(0, half)) - median(times.slice(half))) / ours;
  const measured = { ratio: floor / ours, spread, subjectMedian: ours, peerMedian: floor, perSecond: 1e6 / ours };
  const work = `${events} calls of one chat request each, ${IN_FLIGHT} in flight, answered at once in this process`;
  return {
    name: 'ledger',
    subject,
    peer: FLOOR,
    tier: 'floor',
    unit: 'us',
    work,
    ...measured,
    ...(target && { target }),
  };
}
