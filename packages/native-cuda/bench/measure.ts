import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPython, type PythonCase, type PythonEnvironment } from './python.ts';

/** A row of `vlprm.bench/1`. `ratio` above 1: ours is faster; for `tier: 'floor'` it is the share of the limit reached. */
export interface Row {
  name: string;
  subject: string;
  /** Threads of the subject, and of a peer that can be told. */
  threads: number;
  peer: string;
  tier: 'best-tuned' | 'as-used' | 'floor';
  ratio: number | null;
  /** |ratio of the first half of the samples - ratio of the second half| / ratio. */
  spread: number | null;
  subjectMedian: number | null;
  peerMedian: number | null;
  unit: 'ms';
  /** What was computed. */
  work: string;
  /** What the subject has to read from and write to memory. */
  bytes: number | null;
  /** Why it was not measured. */
  reason?: string;
  /** What else there is to know, e.g. that the machine was shared. */
  note?: string;
}

/** Computes on the i-th of several inputs, so that successive samples find their data in memory and not in a cache. */
export type Run = (sample: number) => void;

/** How a side computes: in this process, at once or asynchronously, or in a Python process of its own. */
export type Side =
  { readonly run: Run } | { readonly runAsync: (sample: number) => Promise<void> } | { readonly python: PythonCase };

export type Peer = Pick<Row, 'peer' | 'tier'> &
  (Side | { readonly unavailable: string }) & {
    /** Multiplies the peer's times: its work was measured on that fraction of the size. Say so in `note`. */
    readonly scale?: number;
    readonly note?: string;
    /** Instead of the comparison's, for a slow peer. */
    readonly samples?: number;
  };

export interface Comparison extends Pick<Row, 'name' | 'subject' | 'work' | 'threads'> {
  readonly bytes?: number;
  readonly run: Run;
  readonly peers: readonly Peer[];
  /** Timed samples of each side. */
  readonly samples: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** One side, ready: the milliseconds of `count` further samples, after one that is not timed. */
interface Turns {
  turn(count: number): Promise<readonly number[]>;
  close(): void;
}

function inProcess(compute: (sample: number) => unknown): Turns {
  let sample = 0;
  const milliseconds = async (): Promise<number> => {
    const start = performance.now();
    const pending = compute(sample++);
    if (pending instanceof Promise) await pending;
    return performance.now() - start;
  };
  return {
    turn: async (count) => {
      await milliseconds();
      const times: number[] = [];
      while (times.length < count) times.push(await milliseconds());
      return times;
    },
    close: () => undefined,
  };
}

async function open(side: Side, environment: PythonEnvironment): Promise<Turns | { readonly reason: string }> {
  if ('run' in side) return inProcess(side.run);
  if ('runAsync' in side) return inProcess(side.runAsync);
  return startPython(side.python, environment);
}

/** Other work on the machine, while the benchmark's threads run. */
function sharedNote(cores: number): string | undefined {
  const load = loadavg()[0] ?? 0;
  return load > cores * 0.75 ? `shared machine: load average ${load.toFixed(1)} on ${cores} cores` : undefined;
}

function described(comparison: Comparison, peer: Peer): Omit<Row, 'ratio' | 'spread' | 'subjectMedian' | 'peerMedian'> {
  const { name, subject, threads, work, bytes = null } = comparison;
  return { name, subject, threads, peer: peer.peer, tier: peer.tier, unit: 'ms', work, bytes };
}

/** A row that says why there is no figure. */
export function unmeasured(comparison: Comparison, peer: Peer, reason: string): Row {
  return {
    ...described(comparison, peer),
    ratio: null,
    spread: null,
    subjectMedian: null,
    peerMedian: null,
    reason,
  };
}

function measured(comparison: Comparison, peer: Peer, ours: number[], theirs: number[], cores: number): Row {
  const ratio = median(theirs) / median(ours);
  const half = ours.length >> 1;
  const halves = [0, half].map((at) => median(theirs.slice(at, at + half)) / median(ours.slice(at, at + half)));
  const [first = NaN, second = NaN] = halves;
  const notes = [peer.note, sharedNote(cores)].filter((note) => note !== undefined);
  return {
    ...described(comparison, peer),
    ratio,
    spread: Math.abs(first - second) / ratio,
    subjectMedian: median(ours),
    peerMedian: median(theirs),
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  };
}

/** Samples of one turn. */
const TURN = 3;
/** Threads of a peer may go on spinning for a while after a call; ours must not pay for that, nor theirs for ours. */
const SETTLE_MS = 12;

async function against(
  comparison: Comparison,
  peer: Peer,
  environment: PythonEnvironment,
  cores: number,
): Promise<Row> {
  if ('unavailable' in peer) return unmeasured(comparison, peer, peer.unavailable);
  const opened = await open(peer, environment);
  if ('reason' in opened) return unmeasured(comparison, peer, opened.reason);
  const subject = inProcess(comparison.run);
  const settle = 'run' in peer ? 0 : SETTLE_MS;
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    await subject.turn(TURN);
    await opened.turn(TURN);
    while (ours.length < (peer.samples ?? comparison.samples)) {
      if (settle > 0) await sleep(settle);
      ours.push(...(await subject.turn(TURN)));
      if (settle > 0) await sleep(settle);
      theirs.push(...(await opened.turn(TURN)));
    }
  } catch (error) {
    return unmeasured(comparison, peer, (error as Error).message);
  } finally {
    opened.close();
  }
  const { scale = 1 } = peer;
  return measured(
    comparison,
    peer,
    ours,
    theirs.map((time) => time * scale),
    cores,
  );
}

/** Medians of interleaved turns: ours, peer, ours, peer, … each sample on the next input. Yields a row per peer. */
export async function* compare(
  comparison: Comparison,
  environment: PythonEnvironment,
  cores: number,
): AsyncGenerator<Row> {
  for (const peer of comparison.peers) yield await against(comparison, peer, environment, cores);
}
