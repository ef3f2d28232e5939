import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@vlprm/core/runtime';
import type { FaultPlan } from '@vlprm/core/testing';
import { openDataset, openSqliteLedger, runPaths } from '@vlprm/data/storage';
import { serveWorld, type ServedWorld } from '../../src/e2e/served-world.ts';
import { startVlprm, type Ended, type VlprmProcess } from '../../src/e2e/vlprm-process.ts';
import { CallTally } from './call-tally.ts';
import { countLabels } from './labelled-steps.ts';
import { synthesisResultSchema, type FaultedRun, type FaultSettings } from './schema.ts';

export interface FaultedRunOptions {
  readonly name: string;
  /** Where the run and its files go. */
  readonly folder: string;
  readonly settings: FaultSettings;
  readonly faults?: FaultPlan;
  /** The command is killed once so many contents have been asked for; ascending. */
  readonly killsAt?: readonly number[];
  /** Draws how long after that, up to `KILL_DELAY_MS`. */
  readonly random: Pick<Random, 'uniform'>;
}

const KILL_DELAY_MS = 50;
const POLL_MS = 5;

/** Said rather than probed: a filter that befalls a probe would make an endpoint seem to be able to do less. */
const CAPABILITIES = {
  prefill: true,
  topLogprobs: 20,
  labelLogprobs: true,
  images: true,
  maxImages: null,
  n: true,
  structuredOutput: true,
  prefixCaching: true,
  stop: true,
  stopReason: true,
  sampling: true,
} as const;

function configure({ config }: ServedWorld, settings: FaultSettings): unknown {
  const { timeoutSeconds, maxAttempts, maxConcurrency } = settings;
  const endpoints = config['endpoints'] as Readonly<Record<string, object>>;
  const limits = { timeoutSeconds, maxAttempts, maxConcurrency };
  const limited = (endpoint: object) => ({ ...endpoint, capabilities: CAPABILITIES, ...limits });
  return {
    ...config,
    endpoints: Object.fromEntries(Object.entries(endpoints).map(([name, endpoint]) => [name, limited(endpoint)])),
  };
}

/** Answers that the ledger of a run folder holds. */
async function storedCalls(out: string): Promise<number> {
  const ledger = openSqliteLedger(runPaths(out).ledger);
  try {
    const usage = await ledger.usage();
    return (usage['call/policy']?.calls ?? 0) + (usage['call/judge']?.calls ?? 0);
  } finally {
    await ledger.close();
  }
}

/** Runs the command line in a folder, again and again until it is not killed any more. */
class Lives {
  readonly #options: FaultedRunOptions;
  readonly #world: ServedWorld;
  readonly #tally: CallTally;
  readonly #out: string;
  kills = 0;
  inFlightAtKills = 0;

  constructor(options: FaultedRunOptions, world: ServedWorld, tally: CallTally) {
    this.#options = options;
    this.#world = world;
    this.#tally = tally;
    this.#out = join(options.folder, options.name);
  }

  async run(): Promise<Ended> {
    const { killsAt = [] } = this.#options;
    let storedBefore = 0;
    for (const asked of killsAt) {
      const ended = await this.#live(asked);
      if (ended.exitCode !== null) return ended;
      this.kills += 1;
      const stored = await storedCalls(this.#out);
      this.inFlightAtKills += this.#tally.unfilteredInLife - (stored - storedBefore);
      storedBefore = stored;
    }
    return this.#live(null);
  }

  /** Until the end, or until it is killed: then the exit code is null. */
  async #live(killAt: number | null): Promise<Ended> {
    this.#tally.beginLife();
    const life = this.#start();
    if (killAt !== null) void this.#killOnceAsked(life, killAt);
    const ended = await life.ended;
    while (this.#world.policy.inFlight + this.#world.judge.inFlight > 0) await sleep(POLL_MS);
    return ended;
  }

  async #killOnceAsked(life: VlprmProcess, asked: number): Promise<void> {
    while (this.#tally.asked < asked && life.child.exitCode === null) await sleep(POLL_MS);
    await sleep(KILL_DELAY_MS * this.#options.random.uniform());
    if (life.child.exitCode === null) life.killAll();
  }

  #start(): VlprmProcess {
    const { folder, settings } = this.#options;
    const { problems, traces, estimator, rollouts, seed } = settings;
    const size = ['--problems', `puzzles:${problems}`, '--traces', `${traces}`];
    const how = ['--estimator', estimator, '--rollouts', `${rollouts}`];
    const place = ['--seed', `${seed}`, '--config', `${this.#out}.json`, '--out', this.#out];
    return startVlprm(['synthesize', ...size, ...how, ...place, '--format', 'json', '--quiet'], folder, {
      env: { XDG_CACHE_HOME: `${this.#out}-cache` },
      ownGroup: true,
    });
  }
}

/** Servers that misbehave as they are told to, and a synthesis against them that is killed as often as it is told to. */
export async function runFaulted(options: FaultedRunOptions): Promise<FaultedRun> {
  const { name, folder, settings, faults } = options;
  const tally = new CallTally();
  const world = await serveWorld({ ...(faults && { faults }), onEnd: (request) => tally.record(request) });
  const begin = performance.now();
  try {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(configure(world, settings)));
    const lives = new Lives(options, world, tally);
    const { exitCode, stdout, stderr } = await lives.run();
    if (exitCode !== 0) throw new Error(`the run ${name} ended with exit ${exitCode ?? 'by a signal'}:\n${stderr}`);
    const seconds = (performance.now() - begin) / 1000;
    const { hash, spent, ...result } = synthesisResultSchema.parse(JSON.parse(stdout));
    const dataset = await openDataset(join(folder, name));
    const paid = spent.filter(({ use }) => use !== 'probe').reduce((sum, { usage }) => sum + usage.calls, 0);
    return {
      name,
      seconds,
      kills: lives.kills,
      exit: exitCode,
      hash,
      complete: result.problems.done === settings.problems,
      result,
      calls: {
        requests: tally.requests,
        asked: tally.asked,
        filtered: tally.filtered,
        repeatedAfterAnswer: tally.repeatedAfterAnswer,
        inFlightAtKills: lives.inFlightAtKills,
        paid,
      },
      faults: tally.faults,
      labels: await countLabels(dataset.traces()),
    };
  } finally {
    await world.close();
  }
}
