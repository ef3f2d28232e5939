import type { Trace } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';
import { Command } from 'commander';
import { grouped, percent } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, type Streams } from './command-context.ts';
import { numberFlag, withSharedFlags, type SharedFlags } from './flags.ts';

interface LabelFlags extends SharedFlags {
  readonly rule?: string;
  readonly threshold?: number;
}

function reasonRows(traces: readonly Trace[]): string[][] {
  const reasons = new Map<string, number>();
  for (const { consensus } of traces) {
    if (consensus !== null) reasons.set(consensus.reason, (reasons.get(consensus.reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, count]) => [reason, grouped(count)]);
}

/** `vlprm label`: the same evidence under another rule, without a model call. */
export function labelCommand(streams: Streams): Command {
  const command = new Command('label')
    .description('recompute the labels of a run or dataset under another rule or threshold; no model is called')
    .argument('<dir>', 'run or dataset folder')
    .option('--rule <name>', 'mc0, mc50, judge, union or hybrid (default: hybrid)')
    .option('--threshold <x>', 'success rate at or below which a step is wrong', numberFlag('--threshold', 0, 1));
  return withSharedFlags(command).action(
    action<LabelFlags>(streams, ['rule', 'threshold'], async ({ config, console }, _flags, [dir = '.']) => {
      const { relabel, resolveRule } = await import('@vlprm/data/consensus');
      const { datasetHash, openDataset, readTraces, writeDataset } = await import('@vlprm/data/storage');
      const out = config.out;
      if (out === undefined) {
        throw new VlprmError('ERR_USAGE', 'label needs a folder to write to', { fix: 'give --out DIR' });
      }
      const rule = resolveRule(config.rule ?? 'hybrid', config.threshold);
      const dataset = await openDataset(dir);
      const traces = relabel(await readTraces(dataset), rule.name, { threshold: rule.threshold });
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
      const share = percent(manifest.traces === 0 ? null : manifest.kept / manifest.traces);
      const rows = [
        ['kept', `${grouped(manifest.kept)} of ${grouped(manifest.traces)} (${share})`],
        ...reasonRows(traces),
      ];
      console.result(
        { rule, dataset: out, traces: manifest.traces, kept: manifest.kept, hash: datasetHash(manifest) },
        `${textTable([{ title: 'Labels' }, { title: rule.name }], rows)}\n\nwrote ${out}\n`,
      );
    }),
  );
}
