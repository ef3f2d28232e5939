import type { Platform } from '@vlprm/api/platform';
import { createAnswerChecker } from '@vlprm/core/text';
import type { DatasetManifest } from '@vlprm/core/records';
import type { Ledger } from '@vlprm/core/runtime';
import type { SynthesisSummary } from '@vlprm/data/synthesis';
import { Command } from 'commander';
import { basename, join, resolve } from 'node:path';
import { grouped, percent } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type CommandContext, type Streams } from './command-context.ts';
import {
  integerFlag,
  nameListFlag,
  numberFlag,
  withModelFlags,
  withSharedFlags,
  type ModelFlags,
  type SharedFlags,
} from './flags.ts';
import { withLedger, withPlatform } from './platform.ts';
import { problemSource, type NamedProblems } from './problem-source.ts';
import { inRunFolder } from './run-scope.ts';
import { spentText } from './spent.ts';

const DEFAULTS = { problems: 'puzzles:200', traces: 4, rollouts: 16, rule: 'hybrid' } as const;

interface SynthesizeFlags extends SharedFlags, ModelFlags {
  readonly problems?: string;
  readonly traces?: number;
  readonly rollouts?: number;
  readonly rule?: string;
  readonly threshold?: number;
  readonly policy?: string;
  readonly judge?: readonly string[];
}

interface Settings {
  readonly problems: string;
  readonly traces: number;
  readonly rollouts: number;
  readonly rule: string;
  readonly threshold: number | null;
  readonly policy: string;
  readonly judge: string[];
}

function settingsOf({ config }: CommandContext): Settings {
  return {
    problems: config.problems ?? DEFAULTS.problems,
    traces: config.traces ?? DEFAULTS.traces,
    rollouts: config.rollouts ?? DEFAULTS.rollouts,
    rule: config.rule ?? DEFAULTS.rule,
    threshold: config.threshold ?? null,
    policy: config.policy,
    judge: config.judge,
  };
}

/** Text of a finished synthesis. */
export function synthesisText(folder: string, summary: SynthesisSummary, manifest: DatasetManifest): string {
  const { problems, samples, rollouts, reviews } = summary;
  const share = percent(summary.traces === 0 ? null : summary.kept / summary.traces);
  const rows = [
    [
      'problems',
      `${grouped(problems.done)}, ${grouped(problems.setAside)} set aside, ${grouped(problems.unfinished)} unfinished`,
    ],
    ['traces', `${grouped(summary.traces)}, ${grouped(summary.kept)} kept (${share})`],
    [
      'rollouts',
      `${grouped(rollouts.total)}, ${grouped(rollouts.failed)} failed, ${grouped(rollouts.unparsable)} unparsable`,
    ],
    ['failed', `${samples.failed} samples, ${reviews.failed} reviews`],
    ['unparsable', `${samples.unreadable} samples, ${reviews.unparsable} reviews`],
    ...Object.entries(summary.reasons).map(([reason, count]) => [reason, grouped(count)]),
  ];
  const files = manifest.files.map((file) => file.path).join(', ');
  return `${textTable([{ title: 'Dataset' }, { title: manifest.rule ?? '' }], rows)}\n\nwrote ${folder}: ${files}\n`;
}

interface Work {
  readonly problems: NamedProblems;
  readonly platform: Platform;
  readonly ledger: Ledger;
  readonly seed: number;
  readonly settings: Settings;
}

async function synthesizeInto(
  folder: string,
  { problems, platform, ledger, seed, settings }: Work,
  { console, signal }: CommandContext,
): Promise<void> {
  const { datasetSource, synthesize } = await import('@vlprm/data/synthesis');
  const { writeDataset, datasetHash } = await import('@vlprm/data/storage');
  const { PUZZLE_LICENSES } = await import('@vlprm/data/puzzle-world');
  const [policy, judge] = [await platform.policy(), await platform.judge()];
  const config = { ...settings, ...platform.identities(['policy', 'judge']) };
  await inRunFolder(folder, { command: 'synthesize', config, seed }, async (paths) => {
    const synthesized = await synthesize({
      problems: problems.problems,
      ...(problems.total !== null && { total: problems.total }),
      policy,
      judges: [judge],
      checker: createAnswerChecker(),
      ledger,
      options: { tracesPerProblem: settings.traces, rolloutsPerStep: settings.rollouts, seed },
      rule: settings.rule,
      ...(settings.threshold === null ? {} : { threshold: settings.threshold }),
      events: console.events,
      signal,
    });
    const { rule, summary, exhausted } = synthesized;
    const { manifest } = await writeDataset({
      dir: paths.dataset,
      ...datasetSource(synthesized),
      rule,
      seed,
      licenses: PUZZLE_LICENSES,
      run: basename(resolve(folder)),
    });
    const spent = await platform.spent();
    const result = { ...summary, spent, rule, dataset: paths.dataset, hash: datasetHash(manifest), manifest };
    console.result(result, `${synthesisText(paths.dataset, summary, manifest)}${spentText(spent)}`);
    if (exhausted !== null) throw exhausted;
  });
}

/** `vlprm synthesize`: problems to a labelled dataset; the same command again goes on where it stopped. */
export function synthesizeCommand(streams: Streams): Command {
  const command = new Command('synthesize')
    .description('problems to a labelled dataset in a run folder; run it again to go on where it stopped')
    .option('--problems <source>', `puzzles:N or a JSONL file (default: ${DEFAULTS.problems})`)
    .option('--traces <n>', `solutions per problem (default: ${DEFAULTS.traces})`, integerFlag('--traces', 1, 1024))
    .option('--rollouts <n>', `rollouts per step (default: ${DEFAULTS.rollouts})`, integerFlag('--rollouts', 1, 4096))
    .option('--rule <name>', `label rule (default: ${DEFAULTS.rule})`)
    .option('--threshold <x>', 'success rate at or below which a step is wrong', numberFlag('--threshold', 0, 1))
    .option('--policy <name>', 'policy: an endpoint (default: puzzle-world)')
    .option('--judge <names>', 'judges: endpoints, parted by commas (default: puzzle-world)', nameListFlag)
    .option('--remote-images', 'fetch images that problems name by URL');
  return withSharedFlags(withModelFlags(command)).action(
    action<SynthesizeFlags>(
      streams,
      ['problems', 'traces', 'rollouts', 'rule', 'threshold', 'policy', 'judge'],
      async (context) => {
        const { config, signal } = context;
        const { runPaths } = await import('@vlprm/data/storage');
        const { resolveRule } = await import('@vlprm/data/consensus');
        const settings = settingsOf(context);
        const seed = config.seed ?? DEFAULT_SEED;
        resolveRule(settings.rule, settings.threshold ?? undefined);
        const problems = problemSource(settings.problems, seed, { remote: config.remoteImages, signal });
        const folder = config.out ?? join('runs', `synthesize-${seed}`);
        await withLedger(runPaths(folder).ledger, (ledger) =>
          withPlatform(
            { ...context, batches: true },
            (platform) => synthesizeInto(folder, { problems, platform, ledger, seed, settings }, context),
            ledger,
          ),
        );
      },
    ),
  );
}
