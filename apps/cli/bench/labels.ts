/**
 * Label accuracy against rollouts: every estimator and every rule against the scenes, how far sparing estimators agree with
 * exhaustive ones, and what `posterior` gains.
 *
 *   npx nx run cli:labels -- --json apps/cli/bench/results/labels.json
 *   npx nx run cli:labels-documents
 *
 * A target that is missed is written down, not an error.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { WORLD_HASH } from '@vlprm/data/puzzle-world';
import { circumstances } from './circumstances.ts';
import { studyLabels } from './labels/label-study.ts';
import type { LabelsResult } from './labels/schema.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '301,302,303' },
    puzzles: { type: 'string', default: '600' },
    chains: { type: 'string', default: '150' },
    audits: { type: 'string', default: '200' },
    json: { type: 'string' },
  },
});
const settings = {
  seeds: values.seeds.split(',').map(Number),
  puzzles: Number(values.puzzles),
  tracesPerPuzzle: 4,
  chains: Number(values.chains),
  tracesPerChain: 4,
  chainSteps: 24,
  audits: Number(values.audits),
};
const begin = performance.now();
const seconds = (): number => Math.round((performance.now() - begin) / 1000);
const studied = await studyLabels(settings, (world) => console.error(`${world}: measured after ${seconds()} s`));
const result: LabelsResult = {
  schema: 'vlprm.labels/1',
  ...(await circumstances()),
  world: WORLD_HASH,
  settings,
  seconds: seconds(),
  ...studied,
};
const json = `${JSON.stringify(result, null, 1)}\n`;
if (values.json === undefined) process.stdout.write(json);
else writeFileSync(resolve(process.env['INIT_CWD'] ?? '.', values.json), json);
for (const { claim, holds, measured } of result.verdicts)
  console.error(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${claim} (${measured})`);
