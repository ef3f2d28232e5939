import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Trace } from '@vlprm/core/records';
import { VlprmError, writeJsonAtomic } from '@vlprm/core/runtime';
import type { ErrorRates, ResolvedRule } from '@vlprm/data/consensus';
import { Command } from 'commander';
import { readAudits } from '../audit/audit-file.ts';
import { grouped, percent } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, type Streams } from './command-context.ts';
import { numberFlag, withSharedFlags, type SharedFlags } from './flags.ts';

interface LabelFlags extends SharedFlags {
  readonly rule?: string;
  readonly threshold?: number;
  readonly audit?: string;
}

function reasonRows(traces: readonly Trace[]): string[][] {
  const reasons = new Map<string, number>();
  for (const { consensus } of traces) {
    if (consensus !== null) reasons.set(consensus.reason, (reasons.get(consensus.reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, count]) => [reason, grouped(count)]);
}

/**
 * Error rates of the judges and rollouts of these traces, learned from an audit file; null where none is given.
 * @throws ERR_USAGE for a rule that reads none; what reading the file and learning from it throw
 */
async function errorRatesFrom(
  file: string | undefined,
  traces: readonly Trace[],
  rule: ResolvedRule,
): Promise<ErrorRates | null> {
  if (file === undefined) return null;
  if (rule.name !== 'posterior') {
    throw new VlprmError('ERR_USAGE', `rule ${rule.name} reads no audits`, {
      where: '--audit',
      fix: 'leave --audit out, or give --rule posterior',
    });
  }
  const { fitErrorRates } = await import('@vlprm/data/consensus');
  return fitErrorRates(traces, await readAudits(file));
}

/** Keeps the rates beside the manifest; a dataset that was labelled without any has no such file. */
async function writeErrorRates(dir: string, rates: ErrorRates | null): Promise<void> {
  const path = join(dir, 'error-rates.json');
  await (rates === null ? rm(path, { force: true }) : writeJsonAtomic(path, rates));
}

/** How often each judge names a step that is wrong, and one that is right. */
function rateRows({ kinds, audits }: ErrorRates): string[][] {
  const rows = (['perception', 'reasoning'] as const).flatMap((kind) =>
    Object.entries(kinds[kind].flags).map(([judge, { error, right }]) => [
      `${judge} on ${kind}`,
      `finds ${percent(error)} of first errors, blames ${percent(right)} of right steps`,
    ]),
  );
  return [['audited', `${grouped(audits)} traces`], ...rows];
}

/** `vlprm label`: the same evidence under another rule, without a model call. */
export function labelCommand(streams: Streams): Command {
  const command = new Command('label')
    .description('recompute the labels of a run or dataset under another rule or threshold; no model is called')
    .argument('<dir>', 'run or dataset folder')
    .option('--rule <name>', 'mc0, mc50, judge, union, hybrid, agreement or posterior (default: hybrid)')
    .option('--threshold <x>', 'success rate at or below which a step is wrong', numberFlag('--threshold', 0, 1))
    .option('--audit <file>', 'filled audit file, from which the rule posterior learns (see `vlprm audit`)');
  return withSharedFlags(command).action(
    action<LabelFlags>(streams, ['rule', 'threshold'], async ({ config, console }, { audit }, [dir = '.']) => {
      const { relabel, resolveRule } = await import('@vlprm/data/consensus');
      const { datasetHash, openDataset, readTraces, writeDataset } = await import('@vlprm/data/storage');
      const out = config.out;
      if (out === undefined) {
        throw new VlprmError('ERR_USAGE', 'label needs a folder to write to', { fix: 'give --out DIR' });
      }
      const rule = resolveRule(config.rule ?? 'hybrid', config.threshold);
      const dataset = await openDataset(dir);
      const unlabelled = await readTraces(dataset);
      const errorRates = await errorRatesFrom(audit, unlabelled, rule);
      const traces = relabel(unlabelled, rule.name, { threshold: rule.threshold, errorRates });
      const { seed, licenses, run } = dataset.manifest;
      const { manifest } = await writeDataset({
        dir: out,
        traces,
        images: (image) => dataset.image(image),
        rule,
        seed,
        licenses,
        ...(run === null ? {} : { run }),
      });
      await writeErrorRates(out, errorRates);
      const share = percent(manifest.traces === 0 ? null : manifest.kept / manifest.traces);
      const rows = [
        ['kept', `${grouped(manifest.kept)} of ${grouped(manifest.traces)} (${share})`],
        ...reasonRows(traces),
        ...(errorRates === null ? [] : rateRows(errorRates)),
      ];
      console.result(
        { rule, dataset: out, traces: manifest.traces, kept: manifest.kept, hash: datasetHash(manifest), errorRates },
        `${textTable([{ title: 'Labels' }, { title: rule.name }], rows)}\n\nwrote ${out}\n`,
      );
    }),
  );
}
