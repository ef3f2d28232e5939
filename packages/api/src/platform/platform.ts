import type { Judge, Policy, ProcessRewardModel } from '@vlprm/core';
import { loadPrm } from '@vlprm/core/models/onnx';
import { createEndpointJudge, createEndpointPolicy, createEndpointPrm } from '@vlprm/core/models/endpoints';
import { createStepScoreCache } from '@vlprm/core/models';
import type { Usage } from '@vlprm/core/records';
import {
  createBudget,
  createMemoryLedger,
  usageOfCalls,
  VlprmError,
  type Events,
  type Ledger,
} from '@vlprm/core/runtime';
import { createPuzzleJudge, createPuzzlePolicy, openEyes } from '@vlprm/data/puzzle-world';
import { parsePlatformConfig, PUZZLE_WORLD, type PlatformConfig, type PlatformConfigInput } from './config.ts';
import { createEndpoints, type Endpoints, type OpenedEndpoint } from './endpoint-models.ts';
import { findNewestPrm } from './find-prm.ts';
import { openOnce, type Opener } from './open-once.ts';
import {
  endpointsNamed,
  identityOf,
  spendingOf,
  type EndpointIdentity,
  type ModelSpending,
  type ModelUse,
} from './spending.ts';

/** Models by name, beside the built-in ones. Each is opened once, when it is first asked for. */
export interface NamedModels {
  readonly policies?: Readonly<Record<string, Opener<Policy>>>;
  readonly judges?: Readonly<Record<string, Opener<Judge>>>;
  readonly prms?: Readonly<Record<string, Opener<ProcessRewardModel>>>;
}

export interface PlatformOptions {
  /** As parsed from a config file or flags; checked here. */
  readonly config?: PlatformConfigInput;
  /** Folder of the runs among which the newest PRM is found; default `runs` in the working folder. */
  readonly runs?: string;
  readonly models?: NamedModels;
  /** Worker threads of the PRM; default: what the loader takes. */
  readonly threads?: number;
  /** Keeps the answers of endpoints and what they cost; stays open. Default: one in memory. */
  readonly ledger?: Ledger;
  /** Where keys of endpoints and the user's cache folder are looked up. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Send the calls of endpoints with `batch` through their batch APIs: for work that may take a day. Default: every call
   * is made by itself.
   */
  readonly batches?: boolean;
  /** Told how far batches are. */
  readonly events?: Events;
  /** Ends the opening of models that are still being probed. */
  readonly signal?: AbortSignal;
}

/** The models of a configuration, composed once for server and command line. */
export interface Platform {
  readonly config: PlatformConfig;
  /** Name or bundle folder of the PRM; null when there is none. */
  readonly prmPath: string | null;
  /** @throws ERR_CONFIG for a name that nobody knows; what the model throws when it cannot be opened. */
  policy(): Promise<Policy>;
  /** The first of the judges. */
  judge(): Promise<Judge>;
  /**
   * Every judge, in the order of the configuration.
   * @throws as `policy`, and ERR_CONFIG for two that go by one name: what they say could not be told apart
   */
  judges(): Promise<Judge[]>;
  /** Null when there is no PRM. */
  prm(): Promise<ProcessRewardModel | null>;
  /** @throws ERR_NO_PRM when there is no PRM. */
  requirePrm(): Promise<ProcessRewardModel>;
  readonly endpoints: Endpoints;
  /** Names of the endpoints that policy, judge and PRM stand for. */
  usedEndpoints(): string[];
  /** What of the configuration of endpoints decides their answers, for the record of a run. Empty when there are none. */
  identities(uses: readonly ModelUse[]): { endpoints?: Record<string, EndpointIdentity> };
  /** What calls to endpoints have cost together so far, with what the ledger held before; asks no ledger. */
  spentSoFar(): Usage;
  /** The same by use, from the ledger. */
  spent(): Promise<ModelSpending[]>;
  /** Closes every model that was opened. */
  close(): Promise<void>;
}

/**
 * Composes a platform. Opens no model yet.
 * @throws ERR_CONFIG, and what opening a file of recorded traffic throws
 */
export async function createPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const { runs = 'runs', models = {}, threads, ledger = createMemoryLedger(), env = process.env } = options;
  const config = parsePlatformConfig(options.config ?? {});
  const budget = createBudget(config.budget, { initial: usageOfCalls(await ledger.usage()) });
  const endpoints = await createEndpoints({
    config,
    ledger,
    budget,
    env,
    signal: options.signal,
    batches: options.batches,
    events: options.events,
  });
  const closers: (() => Promise<void>)[] = [() => endpoints.close()];
  const world = openOnce(async () => {
    const eyes = await openEyes();
    closers.push(() => eyes.close());
    return eyes;
  });
  const remote = <T>(create: (opened: OpenedEndpoint) => T): Record<string, Opener<T>> =>
    Object.fromEntries(
      Object.keys(config.endpoints).map((name) => [name, async () => create(await endpoints.open(name))]),
    );
  const policies = {
    [PUZZLE_WORLD]: async () => createPuzzlePolicy((await world()).policy),
    ...remote(({ service, config: own }) => createEndpointPolicy(service, own)),
    ...models.policies,
  };
  const judges = {
    [PUZZLE_WORLD]: async () => createPuzzleJudge((await world()).judge),
    ...remote(({ service, config: own }) => createEndpointJudge(service, own)),
    ...models.judges,
  };
  const prms = {
    ...remote(({ service, config: own }) => createEndpointPrm(service, own, { cache: createStepScoreCache() })),
    ...models.prms,
  };
  const namesOf = (uses: readonly ModelUse[]): string[] => [
    ...new Set(uses.flatMap((use) => endpointsNamed(config, use))),
  ];
  const prmPath = config.prm ?? (await findNewestPrm(runs));

  const opened = <T extends { close?(): Promise<void> }>(open: Opener<T>): Opener<T> =>
    openOnce(async () => {
      const model = await open();
      closers.push(async () => model.close?.());
      return model;
    });
  const policy = opened(named('policy', config.policy, policies));
  const openJudges = config.judge.map((name) => opened(named('judge', name, judges)));
  const requirePrm = opened(prmOpener(prmPath, prms, threads));
  return {
    config,
    prmPath,
    policy,
    judge: openJudges[0]!,
    judges: async () => distinctJudges(await Promise.all(openJudges.map((open) => open()))),
    prm: async () => (prmPath === null ? null : requirePrm()),
    requirePrm,
    endpoints,
    usedEndpoints: () => namesOf(['policy', 'judge', 'prm']),
    identities: (uses) => {
      const names = namesOf(uses);
      if (names.length === 0) return {};
      return { endpoints: Object.fromEntries(names.map((name) => [name, identityOf(config.endpoints[name]!)])) };
    },
    spentSoFar: () => budget.status().spent,
    spent: async () => spendingOf(config, await ledger.usage()),
    close: async () => {
      await Promise.all(closers.splice(0).map((close) => close()));
    },
  };
}

/** Opener of the model with this name; an unknown name fails when it is asked for, with the names that there are. */
function named<T>(key: 'policy' | 'judge', name: string, models: Readonly<Record<string, Opener<T>>>): Opener<T> {
  const open = Object.hasOwn(models, name) ? models[name] : undefined;
  if (open !== undefined) return open;
  return () =>
    Promise.reject(
      new VlprmError('ERR_CONFIG', `no ${key} is called ${JSON.stringify(name)}`, {
        where: key,
        fix: `use one of ${Object.keys(models).join(', ')}`,
      }),
    );
}

function distinctJudges(judges: Judge[]): Judge[] {
  const twice = judges.find(({ name }, i) => judges.findIndex((other) => other.name === name) < i);
  if (twice === undefined) return judges;
  throw new VlprmError('ERR_CONFIG', `two judges go by the name of their model, ${JSON.stringify(twice.name)}`, {
    where: 'judge',
    fix: 'take judges of different models; further readings of one judge are votes',
  });
}

function prmOpener(
  path: string | null,
  prms: Readonly<Record<string, Opener<ProcessRewardModel>>>,
  threads: number | undefined,
): Opener<ProcessRewardModel> {
  if (path === null) {
    return () =>
      Promise.reject(
        new VlprmError('ERR_NO_PRM', 'there is no PRM', {
          fix: 'run `npm start` to train one, or name a bundle with --prm',
        }),
      );
  }
  const open = Object.hasOwn(prms, path) ? prms[path] : undefined;
  return open ?? (() => loadPrm(path, threads === undefined ? {} : { threads }));
}
