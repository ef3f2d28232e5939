import { join } from 'node:path';
import { createPlatform, endpointsNamed, platformConfigSchema, type Platform } from '@vlprm/api/platform';
import type { Ledger } from '@vlprm/core/runtime';
import type { CommandContext } from './command-context.ts';

const platformKeys = platformConfigSchema.strip();

interface Invocation extends Pick<CommandContext, 'config' | 'signal'>, Partial<Pick<CommandContext, 'console'>> {
  /** Send calls through batch APIs where the configuration says so. */
  readonly batches?: boolean;
}

/**
 * Opens the models that the configuration names, works with them, and closes them whatever happens. A console that is
 * given shows beside its progress what they cost.
 * @param ledger where calls to endpoints are kept; it stays open. Default: in memory.
 */
export async function withPlatform<T>(
  { config, signal, console, batches = false }: Invocation,
  work: (platform: Platform) => Promise<T>,
  ledger?: Ledger,
): Promise<T> {
  const platform = await createPlatform({
    config: platformKeys.parse(config),
    signal,
    batches,
    ...(ledger && { ledger }),
    ...(console && { events: console.events }),
  });
  console?.progress.showCost(() => platform.spentSoFar());
  try {
    return await work(platform);
  } finally {
    await platform.close();
  }
}

/** Works with the ledger of a file and closes it whatever happens. */
export async function withLedger<T>(path: string, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { openSqliteLedger } = await import('@vlprm/data/storage');
  const ledger = openSqliteLedger(path);
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

/** As `withPlatform`; where results go to a folder, answers of endpoints are kept there, so that none is paid for twice. */
export async function withKeptCalls<T>(context: Invocation, work: (platform: Platform) => Promise<T>): Promise<T> {
  const { config } = context;
  const remote = (['policy', 'judge', 'prm'] as const).some((use) => endpointsNamed(config, use).length > 0);
  if (config.out === undefined || !remote) return withPlatform(context, work);
  return withLedger(join(config.out, 'ledger.sqlite'), (ledger) => withPlatform(context, work, ledger));
}
