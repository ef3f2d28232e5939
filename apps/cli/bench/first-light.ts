/**
 * Runs the quickstart on several seeds and keeps what the documentation quotes:
 *
 *   npx nx run cli:first-light -- --seeds 101,102,103 --json apps/cli/bench/results/first-light.json
 *
 * A seed whose run fails ends the whole measurement; no seed is left out of the file.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportSchema, type Report } from '../src/report/report-schema.ts';
import type { FirstLight } from './first-light-table.ts';

const CLI = new URL('../bin/vlprm.mjs', import.meta.url).pathname;

function runSeed(seed: number): { report: Report; seconds: number } {
  const out = mkdtempSync(join(tmpdir(), 'first-light-'));
  const started = performance.now();
  try {
    const { status } = spawnSync(process.execPath, [CLI, 'quickstart', '--seed', String(seed), '--out', out], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`quickstart with seed ${seed} ended with exit ${status ?? 'by a signal'}`);
    const report = reportSchema.parse(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')));
    return { report, seconds: (performance.now() - started) / 1000 };
  } finally {
    rmSync(out, { recursive: true });
  }
}

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '101,102,103' }, json: { type: 'string' } },
});
const runs = values.seeds.split(',').map((seed) => runSeed(Number(seed)));
const result: FirstLight = {
  schema: 'vlprm.first-light/1',
  date: new Date().toISOString().slice(0, 10),
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
  versions: { node: process.versions.node },
  runs: runs.map(({ report, seconds }) => ({ commandSeconds: seconds, report })),
};
const json = `${JSON.stringify(result, null, 1)}\n`;
if (values.json === undefined) process.stdout.write(json);
else writeFileSync(values.json, json);
for (const { report } of runs) {
  const missed = report.gates.targets
    .filter(({ passed }) => !passed)
    .map(({ name, measured }) => `${name} ${measured}`);
  process.stderr.write(`seed ${report.seed}: ${missed.length === 0 ? 'every target reached' : missed.join('; ')}\n`);
}
