import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Reject, Trace } from '@vlprm/core/records';
import { VlprmError, writeFileAtomic } from '@vlprm/core/runtime';
import type { ImportedDataset } from '@vlprm/data/formats';
import { Command } from 'commander';
import { grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, type Streams } from './command-context.ts';
import { withSharedFlags, type SharedFlags } from './flags.ts';

interface ImportFlags extends SharedFlags {
  readonly from?: string;
}

type Reader = (path: string) => Promise<ImportedDataset>;

/** How the files of each foreign format are read. */
const READERS: Readonly<Record<string, () => Promise<Reader>>> = {
  'vlprm-reference': async () => (await import('@vlprm/data/formats')).readVlprmReference,
};

/** Most rejects that are shown; all of them stand in the file. */
const SHOWN_REJECTS = 10;

function readerOf(name: string | undefined): { name: string; load: () => Promise<Reader> } {
  const load = name !== undefined && Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (name !== undefined && load !== undefined) return { name, load };
  throw new VlprmError('ERR_USAGE', name === undefined ? 'no format is named' : `no importer reads "${name}"`, {
    where: '--from',
    fix: `use one of ${Object.keys(READERS).join(', ')}`,
  });
}

/** What came in, in counts. */
function countImport({ traces, rows, rejects }: ImportedDataset) {
  const steps = traces.flatMap((trace: Trace) => trace.steps);
  return {
    rows,
    traces: traces.length,
    problems: new Set(traces.map(({ problemId }) => problemId)).size,
    images: new Set(traces.flatMap(({ images }) => images.map(({ sha256 }) => sha256))).size,
    tracesWithoutImage: traces.filter(({ images }) => images.length === 0).length,
    tracesWithReview: traces.filter(({ steps: [first] }) => (first?.judge.length ?? 0) > 0).length,
    steps: steps.length,
    stepsWithRollouts: steps.filter(({ mc }) => mc !== null).length,
    setAside: rejects.length,
  };
}

function importText(from: string, imported: ImportedDataset, out: string): string {
  const counts = countImport(imported);
  const rows = Object.entries(counts.rows).map(([file, count]) => [
    file,
    count === null ? 'not there' : `${grouped(count)} rows`,
  ]);
  const table = textTable(
    [{ title: 'Import' }, { title: from }],
    [
      ...rows,
      ['traces', `${grouped(counts.traces)}, ${grouped(counts.tracesWithReview)} with a judge's review`],
      ['steps', `${grouped(counts.steps)}, ${grouped(counts.stepsWithRollouts)} with rollouts`],
      [
        'problems',
        `${grouped(counts.problems)}, ${grouped(counts.images)} images, ${grouped(counts.tracesWithoutImage)} traces without`,
      ],
      ['set aside', grouped(counts.setAside)],
    ],
  );
  const lost = ['The conversion loses:', ...imported.losses.map((loss) => `- ${loss}`)].join('\n');
  return `${[table, rejectText(imported.rejects), lost].filter((part) => part !== '').join('\n\n')}\n\nwrote ${out}\n`;
}

function rejectText(rejects: readonly Reject[]): string {
  const more = rejects.length - SHOWN_REJECTS;
  const shown = rejects.slice(0, SHOWN_REJECTS).map(({ where, reason }) => `- ${where ?? ''}: ${reason}`);
  if (shown.length === 0) return '';
  return ['Set aside:', ...shown, ...(more > 0 ? [`- and ${grouped(more)} more, see rejects.jsonl`] : [])].join('\n');
}

/** @throws ERR_USAGE without a folder, or for the one that is read: writing there would remove what stands in it */
function requireOut(out: string | undefined, path: string): string {
  if (out !== undefined && resolve(out) !== resolve(path)) return out;
  throw new VlprmError('ERR_USAGE', 'import needs a folder of its own to write to', { fix: 'give --out DIR' });
}

/** @throws ERR_DATASET_INVALID, with the first reject as the example */
function requireTraces({ traces, rejects: [first] }: ImportedDataset, path: string): void {
  if (traces.length > 0) return;
  throw new VlprmError(
    'ERR_DATASET_INVALID',
    `no trace could be read${first === undefined ? '' : `: ${first.reason}`}`,
    {
      where: first?.where ?? path,
      fix: 'check that --from names the format of the files',
    },
  );
}

/** Writes what was set aside; without any there is no such file, also none of an earlier import. */
async function writeRejects(path: string, rejects: readonly Reject[]): Promise<void> {
  if (rejects.length === 0) return rm(path, { force: true });
  await writeFileAtomic(
    path,
    rejects.map((reject) => `${JSON.stringify(reject)}\n`),
  );
}

/** `vlprm import`: files of another project to an unlabelled dataset. */
export function importCommand(streams: Streams): Command {
  const command = new Command('import')
    .description('files of another project to a dataset; rows that cannot be used are set aside and told')
    .argument('<path>', 'folder or file of that format')
    .option('--from <name>', `format: ${Object.keys(READERS).join(', ')}`);
  return withSharedFlags(command).action(
    action<ImportFlags>(streams, [], async ({ config, console }, { from }, [path = '.']) => {
      const { name, load } = readerOf(from);
      const out = requireOut(config.out, path);
      const read = await load();
      const imported = await read(path);
      requireTraces(imported, path);
      const { datasetHash, writeDataset } = await import('@vlprm/data/storage');
      const { traces, image: images, licenses, rejects, losses } = imported;
      const { manifest } = await writeDataset({ dir: out, traces, images, rule: null, seed: null, licenses });
      await writeRejects(join(out, 'rejects.jsonl'), rejects);
      console.result(
        { from: name, dataset: out, ...countImport(imported), rejects, losses, licenses, hash: datasetHash(manifest) },
        importText(name, imported, out),
      );
    }),
  );
}
