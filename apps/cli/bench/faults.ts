/**
 * Synthesis against servers that misbehave, undisturbed and killed with -9 again and again:
 *
 *   npx nx run cli:faults -- --json apps/cli/bench/results/faults.json
 *
 * Policy and judge of the puzzle world answer over HTTP from this process; `vlprm synthesize` runs in processes of its own.
 * A verdict that does not hold is written down, and ends the command with exit 1.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULT_KINDS } from '@vlprm/core/testing';
import { circumstances } from './circumstances.ts';
import { faultRuns, faultVerdicts } from './faults/fault-runs.ts';
import { faultSettingsSchema, type FaultsResult } from './faults/schema.ts';

const { values } = parseArgs({
  options: {
    problems: { type: 'string', default: '2000' },
    traces: { type: 'string', default: '4' },
    estimator: { type: 'string', default: 'adaptive' },
    rollouts: { type: 'string', default: '16' },
    seed: { type: 'string', default: '301' },
    kills: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
});
const settings = faultSettingsSchema.parse({
  problems: Number(values.problems),
  traces: Number(values.traces),
  estimator: values.estimator,
  rollouts: Number(values.rollouts),
  seed: Number(values.seed),
  kills: Number(values.kills),
  faultShare: 0.05,
  passing: FAULT_KINDS.filter((kind) => kind !== 'content-filter'),
  filterShare: 0.005,
  timeoutSeconds: 5,
  maxAttempts: 12,
  maxConcurrency: 32,
});
const folder = mkdtempSync(join(tmpdir(), 'vlprm-faults-'));
const begin = performance.now();
try {
  const runs = await faultRuns(settings, folder, ({ name, seconds, kills, calls }) => {
    console.error(`${name}: ${seconds.toFixed(0)} s, ${kills} kills, ${calls.requests} requests`);
  });
  const result: FaultsResult = {
    schema: 'vlprm.faults/1',
    ...(await circumstances()),
    settings,
    seconds: Math.round((performance.now() - begin) / 1000),
    runs,
    verdicts: faultVerdicts(runs, settings),
  };
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (values.json === undefined) process.stdout.write(json);
  else writeFileSync(resolve(process.env['INIT_CWD'] ?? '.', values.json), json);
  for (const { claim, holds, measured } of result.verdicts) {
    console.error(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${claim} (${measured})`);
    if (!holds) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
