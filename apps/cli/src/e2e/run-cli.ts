import { runCommandLine } from '../command-line.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and keeps what it writes. */
export async function runCli(...args: string[]): Promise<CliResult> {
  const text = { stdout: '', stderr: '' };
  const exitCode = await runCommandLine(args, {
    stdout: { write: (part) => (text.stdout += part) },
    stderr: { write: (part) => (text.stderr += part) },
  });
  return { exitCode, ...text };
}
