import { join } from 'node:path';
import { VlprmError, writeFileAtomic, writeJsonAtomic } from '@vlprm/core/runtime';
import type { Disagreements } from '@vlprm/data/consensus';
import { Command } from 'commander';
import { dataUrlsOf } from '../audit/data-urls.ts';
import { disagreementsPage } from '../disagreements/disagreements-page.ts';
import { grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type Streams } from './command-context.ts';
import { withSharedFlags, type SharedFlags } from './flags.ts';

const DISAGREEMENTS_SCHEMA = 'vlprm.disagreements/1';

function disagreementsText({ patterns, traces, judgedByBoth, sameVerdict, sameFirstError }: Disagreements): string {
  return textTable(
    [{ title: 'Judge and rollouts' }, { title: 'traces', align: 'right' }],
    [
      ...patterns.map((row) => [row.pattern, grouped(row.traces)]),
      ['all', grouped(traces)],
      ['both have a verdict', grouped(judgedByBoth)],
      ['the same verdict', grouped(sameVerdict)],
      ['the same first error', grouped(sameFirstError)],
    ],
  );
}

/** `vlprm disagreements`: where judges and rollouts part, as JSON and as a page with examples. */
export function disagreementsCommand(streams: Streams): Command {
  const command = new Command('disagreements')
    .description('where judges and rollouts part: counts, and examples with pictures; nothing is labelled')
    .argument('<dir>', 'run or dataset folder');
  return withSharedFlags(command).action(
    action<SharedFlags>(streams, [], async ({ config, console }, _flags, [dir = '.']) => {
      const { disagreements } = await import('@vlprm/data/consensus');
      const { datasetHash, openDataset, readTraces } = await import('@vlprm/data/storage');
      const out = config.out;
      if (out === undefined) {
        throw new VlprmError('ERR_USAGE', 'disagreements needs a folder to write to', { fix: 'give --out DIR' });
      }
      const dataset = await openDataset(dir);
      const all = await readTraces(dataset);
      const found = disagreements(all, { seed: config.seed ?? DEFAULT_SEED });
      const shown = new Set(found.patterns.flatMap(({ examples }) => examples));
      const examples = all.filter(({ id }) => shown.has(id));
      const pictures = await dataUrlsOf(dataset, examples);
      const result = { schema: DISAGREEMENTS_SCHEMA, dataset: datasetHash(dataset.manifest), ...found };
      const [json, page] = [join(out, 'disagreements.json'), join(out, 'disagreements.html')];
      await writeJsonAtomic(json, result);
      const traces = new Map(examples.map((trace) => [trace.id, trace]));
      await writeFileAtomic(page, disagreementsPage({ found, traces, pictures }));
      console.result(result, `${disagreementsText(found)}\n\nwrote ${json} and ${page}\n`);
    }),
  );
}
