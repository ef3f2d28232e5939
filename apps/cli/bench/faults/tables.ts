import { grouped, percent } from '../../src/report/format-number.ts';
import { measuredOn } from '../circumstances.ts';
import { table } from '../labels/page.ts';
import { verdictList } from '../labels/tables.ts';
import type { FaultedRun, FaultsResult } from './schema.ts';

function runTable(runs: readonly FaultedRun[]): string {
  const rows = runs.map(({ name, kills, calls, faults, labels, seconds }) => [
    name,
    `${kills}`,
    grouped(calls.asked),
    grouped(calls.requests),
    grouped(Object.values(faults).reduce((sum, count) => sum + count, 0)),
    `${grouped(calls.repeatedAfterAnswer)} / ${grouped(calls.inFlightAtKills)}`,
    `${labels.fromFailures} / ${grouped(labels.labelled)}`,
    seconds.toFixed(0),
  ]);
  const head = [
    'run',
    'kills',
    'calls',
    'requests',
    'faults',
    'asked again / in flight',
    'labels from failures',
    'seconds',
  ];
  return table(head, rows);
}

/** Part of docs/labels.md, by the name between its markers. */
export function faultParts(result: FaultsResult): Readonly<Record<string, string>> {
  const { settings, runs, verdicts } = result;
  const { problems, traces, estimator, rollouts, kills, faultShare, filterShare, seed } = settings;
  const size = `${grouped(problems)} puzzles × ${traces} traces, with estimator \`${estimator}\` for ${rollouts} rollouts a step (seed ${seed})`;
  const what = `passing faults of ${settings.passing.length} kinds befall ${percent(faultShare, 0)} of the contents, filters that never give way ${percent(filterShare)}`;
  const text = `${size}, policy and judge behind HTTP servers; ${what}; ${kills} kills with -9 at random moments. Measured ${measuredOn(result)}, by \`npx nx run cli:faults\` ([figures](../apps/cli/bench/results/faults.json)).`;
  return { faults: [text, runTable(runs), verdictList(verdicts)].join('\n\n') };
}
