import type { Judge, Policy, ProcessRewardModel } from '@vlprm/core';
import { loadPrm } from '@vlprm/core/models/onnx';
import { VlprmError } from '@vlprm/core/runtime';
import { createPuzzleJudge, createPuzzlePolicy, openEyes } from '@vlprm/data/puzzle-world';
import { parsePlatformConfig, PUZZLE_WORLD, type PlatformConfig, type PlatformConfigInput } from './config.ts';
import { findNewestPrm } from './find-prm.ts';

type Opener<T> = () => Promise<T>;

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
}

/** The models of a configuration, composed once for server and command line. */
export interface Platform {
  readonly config: PlatformConfig;
  /** Name or bundle folder of the PRM; null when there is none. */
  readonly prmPath: string | null;
  /** @throws ERR_CONFIG for a name that nobody knows; what the model throws when it cannot be opened. */
  policy(): Promise<Policy>;
  judge(): Promise<Judge>;
  /** Null when there is no PRM. */
  prm(): Promise<ProcessRewardModel | null>;
  /** @throws ERR_NO_PRM when there is no PRM. */
  requirePrm(): Promise<ProcessRewardModel>;
  /** Closes every model that was opened. */
  close(): Promise<void>;
}

/**
 * Composes a platform. Opens no model yet.
 * @throws ERR_CONFIG
 */
export async function createPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const { runs = 'runs', models = {}, threads } = options;
  const config = parsePlatformConfig(options.config ?? {});
  const closers: (() => Promise<void>)[] = [];
  const world = openOnce(async () => {
    const eyes = await openEyes();
    closers.push(() => eyes.close());
    return eyes;
  });
  const policies = { [PUZZLE_WORLD]: async () => createPuzzlePolicy((await world()).policy), ...models.policies };
  const judges = { [PUZZLE_WORLD]: async () => createPuzzleJudge((await world()).judge), ...models.judges };
  const prmPath = config.prm ?? (await findNewestPrm(runs));

  const opened = <T extends { close?(): Promise<void> }>(open: Opener<T>): Opener<T> =>
    openOnce(async () => {
      const model = await open();
      closers.push(async () => model.close?.());
      return model;
    });
  const policy = opened(named('policy', config.policy, policies));
  const judge = opened(named('judge', config.judge, judges));
  const requirePrm = opened(prmOpener(prmPath, models.prms ?? {}, threads));
  return {
    config,
    prmPath,
    policy,
    judge,
    prm: async () => (prmPath === null ? null : requirePrm()),
    requirePrm,
    close: async () => {
      await Promise.all(closers.splice(0).map((close) => close()));
    },
  };
}

/** Opens at the first call and again only after a failure. */
function openOnce<T>(open: Opener<T>): Opener<T> {
  let opening: Promise<T> | null = null;
  return () => {
    opening ??= open().catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
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
