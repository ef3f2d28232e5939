/** `npx nx run core:bench -- [--json FILE] [--only NAME]`: prints every row, writes `vlprm.bench/1`. A missed target is published, not an error. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { flowBench } from './flow.ts';
import { httpBench } from './http.ts';
import type { Row } from './row.ts';

/** By the beginning of the names of their rows. */
const BENCHES: Readonly<Record<string, () => AsyncIterable<Row>>> = { flow: flowBench, http: httpBench };

function verdict({ ratio, target, reason }: Row): string {
  if (ratio === null) return `not measured: ${reason ?? 'unknown'}`;
  if (target === undefined) return '';
  return ratio >= target ? `reached ${target}` : `missed ${target}`;
}

function print(row: Row): void {
  const { name, subject, peer, ratio, subjectMedian, peerMedian, unit, spread, note } = row;
  const medians = `${subjectMedian?.toFixed(2)} against ${peerMedian?.toFixed(2)} ${unit}`;
  const uncertain = spread === null ? '' : `, spread ${(100 * spread).toFixed(0)}%`;
  console.log(`${name}: ${subject} / ${peer} = ${ratio?.toFixed(3)} (${medians}${uncertain}) ${verdict(row)}`);
  if (note !== undefined) console.log(`  ${note}`);
}

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string', default: '' } } });
const rows: Row[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (!name.startsWith(values.only)) continue;
  for await (const row of bench()) {
    rows.push(row);
    print(row);
  }
}
if (values.json !== undefined) {
  const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
  const result = {
    schema: 'vlprm.bench/1',
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
    versions: { node: process.version },
    date: new Date().toISOString(),
    rows,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`wrote ${file}`);
}
