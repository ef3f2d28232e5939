/**
 * Kills a run of calls again and again, and writes what was lost (`vlprm.kills/1`).
 *
 *   npx nx run data:measure-kills -- --json packages/data/bench/results/kills.json
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killCalls } from '../src/testing/killed-calls.ts';
import { writeResult } from './write-result.ts';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '100' },
    'in-flight': { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const [calls, kills, inFlight, seed] = [values.calls, values.kills, values['in-flight'], values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];
const folder = mkdtempSync(join(tmpdir(), 'vlprm-kills-'));
try {
  const ledgerPath = join(folder, 'ledger.sqlite');
  const { answers, ...counts } = await killCalls({ ledgerPath, calls, inFlight, kills, seed });
  const rightAnswers = [...answers].filter(([number, square]) => square === number ** 2).length;
  const result = {
    schema: 'vlprm.kills/1',
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
    versions: { node: process.version },
    date: new Date().toISOString(),
    calls,
    inFlight,
    seed,
    ...counts,
    rightAnswers,
  };
  writeResult(result, values.json);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
