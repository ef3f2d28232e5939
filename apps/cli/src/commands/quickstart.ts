import { join } from 'node:path';
import { Command } from 'commander';
import type { Config } from '../config/config-schema.ts';
import type { QuickstartSettings } from '../quickstart/quickstart.ts';
import { headlineTable } from '../report/headline-table.ts';
import { action, DEFAULT_SEED, type Streams } from './command-context.ts';
import { integerFlag, withSharedFlags, type SharedFlags } from './flags.ts';
import { withPlatform } from './platform.ts';
import { inRunFolder } from './run-scope.ts';

const DEFAULTS = { trainPuzzles: 1200, testPuzzles: 800, traces: 4, rollouts: 16, samples: 16 } as const;

interface QuickstartFlags extends SharedFlags {
  readonly trainPuzzles?: number;
  readonly testPuzzles?: number;
  readonly traces?: number;
  readonly rollouts?: number;
  readonly samples?: number;
}

function settingsOf(config: Config): QuickstartSettings {
  return {
    seed: config.seed ?? DEFAULT_SEED,
    trainPuzzles: config.trainPuzzles ?? DEFAULTS.trainPuzzles,
    testPuzzles: config.testPuzzles ?? DEFAULTS.testPuzzles,
    traces: config.traces ?? DEFAULTS.traces,
    rollouts: config.rollouts ?? DEFAULTS.rollouts,
    samples: config.samples ?? DEFAULTS.samples,
  };
}

function countFlag(command: Command, flag: string, what: string, fallback: number): Command {
  return command.option(`${flag} <n>`, `${what} (default: ${fallback})`, integerFlag(flag, 1));
}

function describeFlags(command: Command): Command {
  countFlag(command, '--train-puzzles', 'puzzles to label and train on', DEFAULTS.trainPuzzles);
  countFlag(command, '--test-puzzles', 'puzzles to measure on', DEFAULTS.testPuzzles);
  countFlag(command, '--traces', 'solutions per training puzzle', DEFAULTS.traces);
  countFlag(command, '--rollouts', 'rollouts per step', DEFAULTS.rollouts);
  return countFlag(command, '--samples', 'solutions per test puzzle, the largest N', DEFAULTS.samples);
}

/** `vlprm quickstart`: the whole pipeline on the puzzle world, ending in one table and a report. */
export function quickstartCommand(streams: Streams): Command {
  const command = new Command('quickstart').description(
    'the whole pipeline on the embedded puzzle world: synthesize, train, evaluate, infer, report',
  );
  return withSharedFlags(describeFlags(command)).action(
    action<QuickstartFlags>(
      streams,
      ['trainPuzzles', 'testPuzzles', 'traces', 'rollouts', 'samples'],
      async ({ config, console, signal }) => {
        const { runQuickstart } = await import('../quickstart/quickstart.ts');
        const { shippedBaseFolder } = await import('../quickstart/base-folder.ts');
        const settings = settingsOf(config);
        const { seed, ...rest } = settings;
        const folder = config.out ?? join('runs', `quickstart-${seed}`);
        await inRunFolder(folder, { command: 'quickstart', config: rest, seed }, (paths) =>
          withPlatform(
            { config: { ...config, policy: 'puzzle-world', judge: ['puzzle-world'] }, signal },
            async (platform) => {
              const report = await runQuickstart(
                {
                  settings,
                  paths,
                  runFolder: folder,
                  baseFolder: shippedBaseFolder(),
                  policy: await platform.policy(),
                  judge: await platform.judge(),
                },
                { signal, events: console.events },
              );
              console.result(report, headlineTable(report));
              console.note(`report: ${paths.reportHtml}`);
            },
          ),
        );
      },
    ),
  );
}
