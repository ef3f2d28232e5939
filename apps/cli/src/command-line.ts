import { EXIT } from '@vlprm/core/runtime';
import { Command } from 'commander';
import type { Streams } from './commands/command-context.ts';
import { auditCommand } from './commands/audit.ts';
import { disagreementsCommand } from './commands/disagreements.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { importCommand } from './commands/import.ts';
import { labelCommand } from './commands/label.ts';
import { quickstartCommand } from './commands/quickstart.ts';
import { reportCommand } from './commands/report.ts';
import { scoreCommand } from './commands/score.ts';
import { serveCommand } from './commands/serve.ts';
import { solveCommand } from './commands/solve.ts';
import { synthesizeCommand } from './commands/synthesize.ts';
import { trainCommand } from './commands/train.ts';
import { failureOf } from './terminal/failure.ts';
import { VERSION } from './version.ts';

const COMMANDS = [
  quickstartCommand,
  synthesizeCommand,
  importCommand,
  labelCommand,
  auditCommand,
  disagreementsCommand,
  trainCommand,
  evaluateCommand,
  scoreCommand,
  solveCommand,
  serveCommand,
  reportCommand,
  doctorCommand,
] as const;

/** Errors are ours to print: commander throws them and stays silent. */
function silenced(command: Command, { stdout }: Streams): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: () => undefined,
    outputError: () => undefined,
  });
}

/** The `vlprm` program with all its commands. */
export function createProgram(streams: Streams): Command {
  const program = silenced(new Command('vlprm'), streams)
    .description('Build, train and use vision-language process reward models.')
    .version(VERSION, '--version', 'print the version')
    .helpCommand(false);
  for (const command of COMMANDS) program.addCommand(silenced(command(streams), streams));
  return program;
}

/**
 * Runs one command line.
 * @param args what stands after `vlprm`
 * @returns the exit code; a failure has been told on stderr in one line
 */
export async function runCommandLine(args: readonly string[], streams: Streams): Promise<number> {
  if (args.length === 0) {
    streams.stderr.write(createProgram(streams).helpInformation());
    return EXIT.usage;
  }
  try {
    await createProgram(streams).parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) return EXIT.done;
    streams.stderr.write(`${failure.line}\n`);
    if (args.includes('--verbose') && failure.stack !== null) streams.stderr.write(`${failure.stack}\n`);
    return failure.exitCode;
  }
}
