/** `npx nx run native-cuda:bench -- --json FILE [--only PREFIX]`: prints a table, writes `vlprm.bench/1`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backends } from '../src/backends.ts';
import { mcLabelsComparisons } from './mcLabels.ts';
import { compare, type Row } from './measure.ts';
import { nativeAddon } from './native.ts';
import { stepLossComparisons } from './stepLoss.ts';
import { stepScoreComparisons } from './stepScore.ts';

const BENCHES = { stepScore: stepScoreComparisons, stepLoss: stepLossComparisons, mcLabels: mcLabelsComparisons };

function unmeasured(name: string, reason: string): Row {
  const nothing = { ratio: null, spread: null, subjectMedian: null, peerMedian: null };
  return {
    name,
    subject: 'cpu backend',
    peer: 'js backend',
    tier: 'as-used',
    ...nothing,
    unit: 'ms',
    work: '',
    reason,
  };
}

function measureAll(only: string): Row[] {
  const addon = nativeAddon();
  const cores = cpus().length;
  return Object.entries(BENCHES).flatMap(([name, comparisons]) => {
    if (!name.startsWith(only)) return [];
    if ('reason' in addon) return [unmeasured(name, addon.reason)];
    return comparisons(addon).flatMap((comparison) => {
      const rows = compare(comparison, cores);
      rows.forEach(print);
      return rows;
    });
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function print({ name, peer, tier, ratio, spread, subjectMedian, peerMedian, unit, note }: Row): void {
  const share = tier === 'floor' ? `${(100 * (ratio ?? NaN)).toFixed(0)}% of` : `${(ratio ?? NaN).toFixed(1)}x`;
  const times = `${subjectMedian?.toFixed(3)} against ${peerMedian?.toFixed(3)} ${unit}`;
  say(
    `${name}: ${share} ${peer} (${times}, spread ${(100 * (spread ?? NaN)).toFixed(0)}%)${note === undefined ? '' : ` [${note}]`}`,
  );
}

function compilerOf(): string {
  const status = new URL('../prebuilds/local/status.json', import.meta.url);
  try {
    return (JSON.parse(readFileSync(status, 'utf8')) as { compiler?: string }).compiler ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string', default: '' } } });
const rows = measureAll(values.only);
const processor = cpus()[0]?.model ?? 'unknown';
const result = {
  schema: 'vlprm.bench/1',
  machine: { cpu: processor, cores: cpus().length },
  versions: {
    node: process.version,
    compiler: compilerOf(),
    cpu: backends().find(({ name }) => name === 'cpu')?.detail ?? 'none',
  },
  date: new Date().toISOString(),
  rows,
};
if (values.json !== undefined) {
  const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  say(`wrote ${file}`);
}
