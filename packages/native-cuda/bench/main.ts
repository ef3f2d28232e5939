/**
 * `npx nx run native-cuda:bench -- [--json FILE] [--only PREFIX] [--python PATH]`: prints every comparison and the targets,
 * writes `vlprm.bench/1`. A missed target is published, not an error.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backends } from '../src/backends.ts';
import { adamwBench } from './adamw.ts';
import type { OpBench } from './context.ts';
import { mcLabelsBench } from './mcLabels.ts';
import { compare, unmeasured, type Row } from './measure.ts';
import { nativeAddon } from './native.ts';
import { findPython, type PythonEnvironment } from './python.ts';
import { stepLossBench } from './stepLoss.ts';
import { stepScoreBench } from './stepScore.ts';
import { outcome } from './table.ts';
import { TARGETS, verdicts } from './targets.ts';
import { treeSearchBench, valueBackupBench } from './trees.ts';

/** Each with the beginnings of the names of its rows. */
const BENCHES: readonly { readonly rows: readonly string[]; readonly bench: OpBench }[] = [
  { rows: ['stepScore'], bench: stepScoreBench },
  { rows: ['stepLoss'], bench: stepLossBench },
  { rows: ['adamw'], bench: adamwBench },
  { rows: ['mcLabels'], bench: mcLabelsBench },
  { rows: ['tree search'], bench: treeSearchBench },
  { rows: ['valueBackup'], bench: valueBackupBench },
];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function print(row: Row): void {
  const { name, threads, peer, subjectMedian, peerMedian, spread, unit, note, reason } = row;
  const times = `${subjectMedian?.toFixed(3)} against ${peerMedian?.toFixed(3)} ${unit}, spread ${(100 * (spread ?? NaN)).toFixed(0)}%`;
  const remark = note === undefined ? '' : ` [${note}]`;
  say(`${name}, ${threads}T: ${outcome(row)} ${peer} (${reason ?? times})${remark}`);
}

function noAddon(name: string, reason: string): Row {
  const nothing = { name, subject: 'cpu backend', work: '', threads: 1 };
  return unmeasured(
    { ...nothing, run: () => undefined, peers: [], samples: 0 },
    { peer: 'all', tier: 'floor', unavailable: reason },
    reason,
  );
}

async function* measureAll(only: string, environment: PythonEnvironment): AsyncGenerator<Row> {
  const addon = nativeAddon();
  const cores = cpus().length;
  for (const { rows: names, bench } of BENCHES) {
    if (!names.some((name) => name.startsWith(only) || only.startsWith(name))) continue;
    if ('reason' in addon) {
      for (const name of names) yield noAddon(name, addon.reason);
      continue;
    }
    for await (const comparison of bench({ addon, threadCounts: cores > 1 ? [1, 2] : [1] })) {
      if (comparison.name.startsWith(only)) yield* compare(comparison, environment, cores);
    }
  }
}

function compilerOf(): string {
  const status = new URL('../prebuilds/local/status.json', import.meta.url);
  try {
    return (JSON.parse(readFileSync(status, 'utf8')) as { compiler?: string }).compiler ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

const { values } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string', default: '' }, python: { type: 'string' } },
});
const peerVersions: Record<string, string> = {};
const rows: Row[] = [];
for await (const row of measureAll(values.only, { python: findPython(values.python), versions: peerVersions })) {
  rows.push(row);
  print(row);
}
const targets = verdicts(TARGETS, rows);
for (const { target, verdict, measured } of targets)
  say(`${verdict}: ${target}${measured === null ? '' : ` (${measured.toFixed(2)})`}`);
const result = {
  schema: 'vlprm.bench/1',
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
  versions: {
    node: process.version,
    compiler: compilerOf(),
    cpu: backends().find(({ name }) => name === 'cpu')?.detail ?? 'none',
    ...peerVersions,
  },
  date: new Date().toISOString(),
  targets,
  rows,
};
if (values.json !== undefined) {
  const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  say(`wrote ${file}`);
}
