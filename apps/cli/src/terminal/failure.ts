import { EXIT, VlprmError } from '@vlprm/core/runtime';
import { CommanderError } from 'commander';

/** What a failed command leaves: one line for the reader, the exit code, and the stack for `--verbose`. */
export interface Failure {
  readonly line: string;
  readonly exitCode: number;
  readonly stack: string | null;
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim();

/** Commander's own words without its prefix: `unknown option '--foo' (Did you mean --format?)`. */
function usageError(error: CommanderError): VlprmError {
  return new VlprmError('ERR_USAGE', oneLine(error.message).replace(/^error: /, ''), {
    fix: 'see `vlprm --help` or `vlprm COMMAND --help`',
    cause: error,
  });
}

function coded(error: unknown): VlprmError {
  if (VlprmError.is(error)) return error;
  if (error instanceof CommanderError) return usageError(error);
  const what = error instanceof Error ? error.message : String(error);
  return new VlprmError('ERR_INTERNAL', oneLine(what), {
    fix: 'run it again with --verbose and report what it prints',
    cause: error,
  });
}

function stackOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const own = error.stack ?? error.message;
  const cause = stackOf(error.cause);
  return cause === null ? own : `${own}\ncaused by: ${cause}`;
}

/** The failure that an error means; null for commander's help and version, which are no failures. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof CommanderError && error.exitCode === EXIT.done) return null;
  const known = coded(error);
  return { line: oneLine(known.toLine()), exitCode: known.exitCode, stack: stackOf(error) };
}
