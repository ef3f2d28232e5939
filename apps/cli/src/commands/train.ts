import { VlprmError } from '@vlprm/core/runtime';
import type { PrmBundle } from '@vlprm/core/records';
import { Command, Option } from 'commander';
import { shippedBaseFolder } from '../quickstart/base-folder.ts';
import { decimal, grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type Streams } from './command-context.ts';
import { integerFlag, numberFlag, withSharedFlags, type SharedFlags } from './flags.ts';

interface TrainFlags extends SharedFlags {
  readonly data: string;
  readonly base?: string;
  readonly blind?: boolean;
  readonly limitSteps?: number;
  readonly perceptionWeight?: number;
  readonly reasoningWeight?: number;
}

function trainedText(folder: string, manifest: PrmBundle): string {
  const rows = [
    ['labels', manifest.labelRule],
    ['supervised steps', grouped(manifest.supervisedSteps)],
    ['threshold', `${decimal(manifest.threshold.value)} (${manifest.threshold.chosenOn})`],
    ['temperature', decimal(manifest.temperature)],
    ...Object.entries(manifest.metrics).map(([name, value]) => [name, decimal(value)]),
  ];
  return `${textTable([{ title: 'PRM' }, { title: manifest.name }], rows)}\n\nwrote ${folder}\n`;
}

/** `vlprm train`: a labelled dataset to a PRM bundle. */
export function trainCommand(streams: Streams): Command {
  const command = new Command('train')
    .description('train a PRM on a labelled dataset')
    .requiredOption('--data <dir>', 'run or dataset folder')
    .addOption(new Option('--engine <name>', 'what trains').choices(['native']).default('native'))
    .option('--base <dir>', 'vision-language base (default: the shipped tiny one)')
    .option('--blind', 'hide the image: a control')
    .option('--limit-steps <n>', 'train on exactly this many supervised steps', integerFlag('--limit-steps', 1))
    .option('--perception-weight <x>', 'weight of perception steps', numberFlag('--perception-weight', 0, 1e6))
    .option('--reasoning-weight <x>', 'weight of reasoning steps', numberFlag('--reasoning-weight', 0, 1e6));
  return withSharedFlags(command).action(
    action<TrainFlags>(streams, [], async ({ config, console, signal }, flags) => {
      const out = config.out;
      if (out === undefined) {
        throw new VlprmError('ERR_USAGE', 'train needs a folder for the bundle', { fix: 'give --out BUNDLE' });
      }
      const { openDataset, readTraces } = await import('@vlprm/data/storage');
      const { trainPrm } = await import('@vlprm/train');
      const dataset = await openDataset(flags.data);
      const { manifest, epochs } = await trainPrm({
        traces: await readTraces(dataset),
        images: (image) => dataset.image(image),
        baseDir: flags.base ?? shippedBaseFolder(),
        out,
        options: {
          seed: config.seed ?? DEFAULT_SEED,
          blind: flags.blind ?? false,
          limitSupervisedSteps: flags.limitSteps ?? null,
          ...(flags.perceptionWeight === undefined ? {} : { perceptionWeight: flags.perceptionWeight }),
          ...(flags.reasoningWeight === undefined ? {} : { reasoningWeight: flags.reasoningWeight }),
        },
        licenses: Object.values(dataset.manifest.licenses),
        signal,
        events: console.events,
      });
      console.result({ bundle: out, manifest, epochs }, trainedText(out, manifest));
    }),
  );
}
