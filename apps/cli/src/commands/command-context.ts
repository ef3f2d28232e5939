import type { Command } from 'commander';
import { loadConfig } from '../config/load-config.ts';
import type { Config } from '../config/config-schema.ts';
import { Console, type OutputFormat, type TextSink } from '../terminal/console.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { modelConfig, type ModelFlags, type SharedFlags } from './flags.ts';

/** Streams of the process, or of a test. */
export interface Streams {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

/** What a command's action works with. */
export interface CommandContext {
  readonly config: Config;
  readonly console: Console;
  readonly signal: AbortSignal;
}

/** Seed of a run that names none. */
export const DEFAULT_SEED = 1;

/**
 * Wraps a command's work: resolves flags and configuration into one value, opens the console, and turns an interrupt
 * into an abort. Flags that are not configuration keys reach `work` as they were parsed.
 */
export function action<Flags extends SharedFlags & ModelFlags>(
  streams: Streams,
  configKeys: readonly (keyof Config & keyof Flags)[],
  work: (context: CommandContext, flags: Flags, args: readonly string[]) => Promise<void>,
): (this: Command) => Promise<void> {
  return async function run(this: Command): Promise<void> {
    const flags = this.opts<Flags>();
    const keys = [...configKeys, 'seed', 'out', 'format', 'quiet', 'verbose'] as const;
    const config = await loadConfig(flags.config ?? null, {
      ...Object.fromEntries(keys.map((key) => [key, (flags as Record<string, unknown>)[key]])),
      ...modelConfig(flags),
    });
    const console = new Console({
      format: (config.format ?? 'text') satisfies OutputFormat,
      quiet: config.quiet ?? false,
      verbose: config.verbose ?? false,
      ...streams,
    });
    const interrupt = interruptSignal(() => console.note('stopping'));
    try {
      await work({ config, console, signal: interrupt.signal }, flags, this.args);
    } finally {
      console.progress.end();
      interrupt.release();
    }
  };
}
