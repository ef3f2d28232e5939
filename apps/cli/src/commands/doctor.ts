import { VlprmError } from '@vlprm/core/runtime';
import { Command } from 'commander';
import { textTable } from '../terminal/table.ts';
import { action, type Streams } from './command-context.ts';
import { nameListFlag, withModelFlags, withSharedFlags, type ModelFlags, type SharedFlags } from './flags.ts';
import { withPlatform } from './platform.ts';

interface DoctorFlags extends SharedFlags, ModelFlags {
  readonly policy?: string;
  readonly judge?: readonly string[];
  readonly prm?: string;
}

/** `vlprm doctor`: what works on this machine, what does not, and what to do about it. */
export function doctorCommand(streams: Streams): Command {
  const command = new Command('doctor')
    .description('test the machine, the kernels and every model, and say what to do about what fails')
    .option('--policy <name>', 'policy to test: an endpoint (default: puzzle-world)')
    .option('--judge <names>', 'judges to test: endpoints, parted by commas (default: puzzle-world)', nameListFlag)
    .option('--prm <name>', 'PRM to test: a bundle folder or an endpoint (default: the newest runs/*/prm)');
  return withSharedFlags(withModelFlags(command)).action(
    action<DoctorFlags>(streams, ['policy', 'judge', 'prm'], async ({ config, console, signal }) => {
      const { examine } = await import('@vlprm/api/platform');
      const report = await withPlatform({ config, signal }, (platform) => examine(platform, signal));
      const rows = report.checks.map((check) => [check.name, check.status, check.detail, check.fix ?? '']);
      const table = textTable(
        [{ title: 'Check' }, { title: 'Status' }, { title: 'Detail' }, { title: 'What to do' }],
        rows,
      );
      const { machine } = report;
      const memory = `${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB`;
      console.result(report, `${machine.os}, ${machine.cpu}, ${machine.cores} cores, ${memory}\n\n${table}\n`);
      if (report.ok) return;
      const failed = report.checks.filter((check) => check.status === 'failed').map((check) => check.name);
      throw new VlprmError('ERR_MODEL_FAILED', `${failed.length} checks failed`, {
        where: failed.join(', '),
        fix: 'see the last column of the table',
      });
    }),
  );
}
