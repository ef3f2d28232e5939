import { loadavg } from 'node:os';

/** A row of `vlprm.bench/1`. `ratio` above 1: ours is faster; for `tier: 'floor'` it is the share of the limit reached. */
export interface Row {
  name: string;
  subject: string;
  peer: string;
  tier: 'best-tuned' | 'as-used' | 'floor';
  ratio: number | null;
  /** |ratio of the first half of the samples - ratio of the second half| / ratio. */
  spread: number | null;
  subjectMedian: number | null;
  peerMedian: number | null;
  unit: 'ms';
  /** What was computed, and how many bytes it reads and writes. */
  work: string;
  reason?: string;
  /** What else there is to know, e.g. that the machine was shared. */
  note?: string;
}

/** Computes on the i-th of several inputs, so that successive samples find their data in memory and not in a cache. */
export type Run = (sample: number) => void;

export interface Comparison extends Pick<Row, 'name' | 'subject' | 'work'> {
  run: Run;
  peers: readonly (Pick<Row, 'peer' | 'tier'> & { run: Run })[];
  samples: number;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function milliseconds(run: Run, sample: number): number {
  const start = performance.now();
  run(sample);
  return performance.now() - start;
}

/** Other work on the machine, while one benchmark thread runs. */
function sharedNote(cores: number): string | null {
  const load = loadavg()[0] ?? 0;
  return load > cores * 0.75 ? `shared machine: load average ${load.toFixed(1)} on ${cores} cores` : null;
}

function row(
  comparison: Comparison,
  peer: Comparison['peers'][number],
  ours: number[],
  theirs: number[],
  note: string | null,
): Row {
  const ratio = median(theirs) / median(ours);
  const half = ours.length >> 1;
  const halves = [0, half].map((at) => median(theirs.slice(at, at + half)) / median(ours.slice(at, at + half)));
  const [first = NaN, second = NaN] = halves;
  return {
    name: comparison.name,
    subject: comparison.subject,
    peer: peer.peer,
    tier: peer.tier,
    ratio,
    spread: Math.abs(first - second) / ratio,
    subjectMedian: median(ours),
    peerMedian: median(theirs),
    unit: 'ms',
    work: comparison.work,
    ...(note === null ? {} : { note }),
  };
}

const WARM_UP = 5;

/** Medians of interleaved samples: ours, peer, ours, peer, … each on the next input. */
export function compare(comparison: Comparison, cores: number): Row[] {
  const { run, peers, samples } = comparison;
  return peers.map((peer) => {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = -WARM_UP; i < samples; i += 1) {
      const mine = milliseconds(run, 2 * (i + WARM_UP));
      const other = milliseconds(peer.run, 2 * (i + WARM_UP) + 1);
      if (i < 0) continue;
      ours.push(mine);
      theirs.push(other);
    }
    return row(comparison, peer, ours, theirs, sharedNote(cores));
  });
}
