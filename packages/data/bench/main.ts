/**
 * `npx nx run data:bench -- [--json FILE] [--events N] [--rounds N]`: what a ledgered call costs and where, as
 * `vlprm.bench/1`. A missed target is published, not an error.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ledgerBench } from './ledger.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    events: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '7' },
  },
});
const rows = await ledgerBench({ events: Number(values.events), rounds: Number(values.rounds) });
for (const { subject, subjectMedian, perSecond, ratio, spread } of rows) {
  const times = `${subjectMedian.toFixed(2)} us an event, ${Math.round(perSecond)} a second`;
  console.log(`${subject}: ${times}; ${ratio.toFixed(3)} of the floor, spread ${(100 * spread).toFixed(0)}%`);
}
if (values.json !== undefined) {
  const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
  const result = {
    schema: 'vlprm.bench/1',
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, load: loadavg()[0] },
    versions: { node: process.version },
    date: new Date().toISOString(),
    rows,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`wrote ${file}`);
}
