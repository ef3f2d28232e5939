import { join } from 'node:path';
import { Command } from 'commander';
import { headlineTable } from '../report/headline-table.ts';
import { writeRunReport } from '../quickstart/report-stage.ts';
import { action, type Streams } from './command-context.ts';
import { withSharedFlags, type SharedFlags } from './flags.ts';

/** `vlprm report RUN`: what the stages of a run measured, as report.json and report.html. */
export function reportCommand(streams: Streams): Command {
  const command = new Command('report')
    .description('write report.json and report.html of a run')
    .argument('<run>', 'run folder of a finished quickstart');
  return withSharedFlags(command).action(
    action<SharedFlags>(streams, [], async ({ config, console }, _flags, [run = '.']) => {
      const folder = config.out ?? run;
      const report = await writeRunReport(run, folder);
      console.result(report, headlineTable(report));
      console.note(`wrote ${join(folder, 'report.json')} and ${join(folder, 'report.html')}`);
    }),
  );
}
