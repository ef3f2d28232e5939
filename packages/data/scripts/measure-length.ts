/**
 * Synthesizes simulated problems from the source to the dataset folder, and writes what this library itself takes of time
 * and memory (`vlprm.length/1`). A missed target is published, not an error.
 *
 *   npx nx run data:measure-length -- --json packages/data/bench/results/length.json
 *
 * The library is measured as it is published: compiled.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Judge, Policy } from '@vlprm/core/models';
import { createAnswerChecker } from '@vlprm/core/text';
import type * as Storage from '../src/storage/index.ts';
import type * as Synthesis from '../src/synthesis/index.ts';
import { writeResult } from './write-result.ts';

const compiled = (module: string): Promise<unknown> =>
  import(new URL(`../dist/${module}/index.js`, import.meta.url).href) as Promise<unknown>;
const { datasetHash, describeMachine, gitRevision, openSqliteLedger, writeDataset } = (await compiled(
  'storage',
)) as typeof Storage;
const { createChainWorld, datasetSource, synthesize } = (await compiled('synthesis')) as typeof Synthesis;

const TARGET_MICROSECONDS = 100;
/** How much more memory the last quarter of a phase may take than its second quarter. */
const TARGET_GROWTH = 1.1;
const SAMPLE_MS = 200;

const { values } = parseArgs({
  options: {
    problems: { type: 'string', default: '100000' },
    steps: { type: 'string', default: '8' },
    traces: { type: 'string', default: '1' },
    rollouts: { type: 'string', default: '8' },
    seed: { type: 'string', default: '301' },
    json: { type: 'string' },
  },
});
const config = {
  problems: Number(values.problems),
  steps: Number(values.steps),
  traces: Number(values.traces),
  rolloutsPerStep: Number(values.rollouts),
  seed: Number(values.seed),
};

/** Time inside what is not this library's: models and problem source, in milliseconds. */
const outside = { policy: 0, judge: 0, source: 0 };

function timed<T>(part: keyof typeof outside, work: () => T): T {
  const start = performance.now();
  try {
    return work();
  } finally {
    outside[part] += performance.now() - start;
  }
}

// The simulated models compute before they return their promise: the time of the call is all of their time.
const timedPolicy = (policy: Policy): Policy => ({
  ...policy,
  propose: (...call) => timed('policy', () => policy.propose(...call)),
});
const timedJudge = (judge: Judge): Judge => ({
  ...judge,
  review: (...call) => timed('judge', () => judge.review(...call)),
});

function timedSource<T>(source: Iterable<T>): Iterable<T> {
  return {
    [Symbol.iterator]: () => {
      const items = source[Symbol.iterator]();
      return { next: () => timed('source', () => items.next()) };
    },
  };
}

/** Half of the samples are below: the short peak of a shard that is converted tells nothing of growth. */
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
const seconds = (milliseconds: number): number => Math.round(milliseconds) / 1000;

/** Resident memory over a phase, sampled while it runs. */
async function watchMemory<T>(work: () => Promise<T>): Promise<{ value: T; milliseconds: number; memory: object }> {
  const resident: number[] = [process.memoryUsage.rss()];
  const timer = setInterval(() => resident.push(process.memoryUsage.rss()), SAMPLE_MS);
  const start = performance.now();
  try {
    const value = await work();
    const milliseconds = performance.now() - start;
    const quarter = (k: number): number[] =>
      resident.slice(Math.floor((k * resident.length) / 4), Math.max(1, Math.floor(((k + 1) * resident.length) / 4)));
    const quarters = [0, 1, 2, 3].map((k) => megabytes(median(quarter(k))));
    const growth = median(quarter(3)) / median(quarter(1));
    const every = Math.max(1, Math.ceil(resident.length / 100));
    const memory = {
      samples: resident.length,
      medianOfQuartersMiB: quarters,
      peakMiB: megabytes(resident.reduce((a, b) => Math.max(a, b))),
      lastQuarterOverSecond: Number(growth.toFixed(3)),
      flat: growth <= TARGET_GROWTH,
      residentMiB: resident.filter((_, i) => i % every === 0).map(megabytes),
    };
    return { value, milliseconds, memory };
  } finally {
    clearInterval(timer);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'vlprm-length-'));
const ledger = openSqliteLedger(join(folder, 'ledger.sqlite'));
try {
  const { problems, steps, traces, rolloutsPerStep, seed } = config;
  const world = createChainWorld({ seed, steps });
  const gathered = await watchMemory(() =>
    synthesize({
      problems: timedSource(world.problems(problems)),
      total: problems,
      policy: timedPolicy(world.policy),
      judges: [timedJudge(world.judge({ missed: 0.1, falseAlarms: 0.01 }))],
      checker: createAnswerChecker(),
      ledger,
      options: { tracesPerProblem: traces, rolloutsPerStep, seed },
    }),
  );
  const { summary, rule } = gathered.value;
  const gathering = { ...outside };
  const written = await watchMemory(() =>
    writeDataset({ dir: join(folder, 'dataset'), ...datasetSource(gathered.value), rule, seed }),
  );
  const whole = gathered.milliseconds + written.milliseconds;
  const elsewhere = Object.values(outside).reduce((sum, part) => sum + part, 0);
  const own = whole - elsewhere;
  const rollouts = summary.rollouts.total;
  const ownMicroseconds = (1000 * own) / rollouts;
  const result = {
    schema: 'vlprm.length/1',
    machine: describeMachine(),
    versions: { node: process.version },
    commit: await gitRevision(import.meta.dirname),
    date: new Date().toISOString(),
    config,
    problems: summary.problems,
    traces: summary.traces,
    rollouts,
    datasetHash: datasetHash(written.value.manifest),
    seconds: {
      gathering: seconds(gathered.milliseconds),
      writing: seconds(written.milliseconds),
      outside: Object.fromEntries(Object.entries(outside).map(([part, time]) => [part, seconds(time)])),
      outsideGathering: seconds(Object.values(gathering).reduce((sum, part) => sum + part, 0)),
      own: seconds(own),
    },
    ownMicrosecondsPerRollout: Number(ownMicroseconds.toFixed(2)),
    targetMicroseconds: TARGET_MICROSECONDS,
    fastEnough: ownMicroseconds <= TARGET_MICROSECONDS,
    memory: { gathering: gathered.memory, writing: written.memory },
  };
  writeResult(result, values.json);
} finally {
  await ledger.close();
  rmSync(folder, { recursive: true, force: true });
}
