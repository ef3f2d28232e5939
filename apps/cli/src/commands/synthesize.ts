import type { Platform } from '@vlprm/api/platform';
import { createAnswerChecker } from '@vlprm/core/text';
import { VlprmError, type Ledger } from '@vlprm/core/runtime';
import type { SynthesisResult } from '@vlprm/data/synthesis';
import { Command } from 'commander';
import { basename, join, resolve } from 'node:path';
import { action, type CommandContext, type Streams } from './command-context.ts';
import { withModelFlags, withSharedFlags } from './flags.ts';
import { withLedger, withPlatform } from './platform.ts';
import { problemSource, type NamedProblems } from './problem-source.ts';
import { writeRejects } from './reject-file.ts';
import { inRunFolder } from './run-scope.ts';
import { spentText } from './spent.ts';
import { synthesisText, writtenText } from './synthesis-text.ts';
import {
  optionsOf,
  resolveSynthesis,
  SYNTHESIZE_KEYS,
  withSynthesisFlags,
  type ResolvedSynthesis,
  type SynthesizeFlags,
} from './synthesize-settings.ts';

interface Work extends ResolvedSynthesis {
  readonly folder: string;
  readonly problems: NamedProblems;
}

/** Runs the stages, or what the ledger does not hold of them. */
async function runStages(
  { problems, settings, ...rest }: Work,
  platform: Platform,
  ledger: Ledger,
  { console, signal }: CommandContext,
): Promise<SynthesisResult> {
  const { synthesize } = await import('@vlprm/data/synthesis');
  return synthesize({
    problems: problems.problems,
    ...(problems.total !== null && { total: problems.total }),
    policy: await platform.policy(),
    judges: await platform.judges(),
    checker: createAnswerChecker(),
    ledger,
    options: optionsOf({ settings, ...rest }),
    rule: settings.rule,
    ...(settings.threshold !== null && { threshold: settings.threshold }),
    events: console.events,
    signal,
  });
}

/** Writes what was set aside of a run that stopped because of it. A dataset of what is left is not what was asked for. */
async function writeRejectsAlone(
  { folder }: Work,
  synthesized: SynthesisResult,
  platform: Platform,
  { console }: CommandContext,
): Promise<void> {
  const { runPaths } = await import('@vlprm/data/storage');
  const { rejects } = runPaths(folder);
  await writeRejects(rejects, async (keep) => {
    for await (const problem of synthesized.labelled()) await keep(problem);
  });
  const { rule, summary } = synthesized;
  const spent = await platform.spent();
  const text = `${synthesisText(summary, rule.name)}\nwrote ${rejects}\n${spentText(spent)}`;
  console.result({ ...summary, spent, rule, dataset: null, rejectFile: rejects }, text);
}

/** Writes the dataset and what was set aside. */
async function writeResults(
  work: Work,
  synthesized: SynthesisResult,
  platform: Platform,
  { console }: CommandContext,
): Promise<void> {
  const { datasetSource } = await import('@vlprm/data/synthesis');
  const { datasetHash, runPaths, writeDataset } = await import('@vlprm/data/storage');
  const { PUZZLE_LICENSES } = await import('@vlprm/data/puzzle-world');
  const { rule, summary } = synthesized;
  const paths = runPaths(work.folder);
  const { manifest } = await writeRejects(paths.rejects, (keep) =>
    writeDataset({
      dir: paths.dataset,
      ...datasetSource(synthesized, keep),
      rule,
      seed: work.seed,
      licenses: PUZZLE_LICENSES,
      run: basename(resolve(work.folder)),
    }),
  );
  const spent = await platform.spent();
  const written = { dataset: paths.dataset, rejectFile: paths.rejects, hash: datasetHash(manifest), manifest };
  const text = synthesisText(summary, rule.name) + writtenText(paths.dataset, manifest, paths.rejects);
  console.result({ ...summary, spent, rule, ...written }, `${text}${spentText(spent)}`);
}

async function synthesizeInto(work: Work, platform: Platform, ledger: Ledger, context: CommandContext): Promise<void> {
  const { settings, seed } = work;
  const config = { ...settings, judge: [...settings.judge], ...platform.identities(['policy', 'judge']) };
  await inRunFolder(work.folder, { command: 'synthesize', config, seed }, async () => {
    const synthesized = await runStages(work, platform, ledger, context);
    const { exhausted } = synthesized;
    const write = exhausted?.code === 'ERR_TOO_MANY_REJECTS' ? writeRejectsAlone : writeResults;
    await write(work, synthesized, platform, context);
    if (exhausted !== null) throw exhausted;
  });
}

/** @throws ERR_USAGE for a rule that needs what a synthesis does not have yet: audited traces */
function requireRuleWithoutAudits(rule: string): void {
  if (rule !== 'posterior') return;
  throw new VlprmError('ERR_USAGE', 'rule posterior needs audits of traces that are still to be made', {
    where: '--rule',
    fix: 'synthesize under another rule, then `vlprm audit DIR` and `vlprm label DIR --rule posterior --audit FILE`',
  });
}

/** `vlprm synthesize`: problems to a labelled dataset; the same command again goes on where it stopped. */
export function synthesizeCommand(streams: Streams): Command {
  const command = new Command('synthesize').description(
    'problems to a labelled dataset in a run folder; run it again to go on where it stopped',
  );
  return withSharedFlags(withModelFlags(withSynthesisFlags(command))).action(
    action<SynthesizeFlags>(streams, SYNTHESIZE_KEYS, async (context, flags) => {
      const { config, signal } = context;
      const { runPaths } = await import('@vlprm/data/storage');
      const { resolveRule } = await import('@vlprm/data/consensus');
      const resolved = resolveSynthesis(config);
      const { settings, seed } = resolved;
      const { threshold } = resolveRule(settings.rule, settings.threshold ?? undefined);
      requireRuleWithoutAudits(settings.rule);
      const folder = config.out ?? join('runs', `synthesize-${seed}`);
      const problems = await problemSource(settings.problems, seed, { remote: config.remoteImages, signal });
      const work = { ...resolved, folder, problems };
      if (flags.dryRun === true) {
        const { dryRun } = await import('./synthesize-dry-run.ts');
        return withPlatform(context, (platform) => dryRun({ ...work, threshold: threshold ?? 0 }, platform, context));
      }
      return withLedger(runPaths(folder).ledger, (ledger) =>
        withPlatform(
          { ...context, batches: true },
          (platform) => synthesizeInto(work, platform, ledger, context),
          ledger,
        ),
      );
    }),
  );
}
