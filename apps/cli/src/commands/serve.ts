import type { Platform } from '@vlprm/api/platform';
import { Command } from 'commander';
import { action, type Streams } from './command-context.ts';
import { createTotalsLedger } from '@vlprm/core/runtime';
import { integerFlag, withModelFlags, withSharedFlags, type ModelFlags, type SharedFlags } from './flags.ts';
import { withPlatform } from './platform.ts';

const DEFAULT_PORT = 4317;

interface ServeFlags extends SharedFlags, ModelFlags {
  readonly port?: number;
  readonly prm?: string;
  readonly policy?: string;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** `vlprm serve`: the API on loopback until it is told to stop, which is no failure. */
export function serveCommand(streams: Streams): Command {
  const command = new Command('serve')
    .description('serve solve and doctor over HTTP on this machine')
    .option('--port <n>', `port, 0 for a free one (default ${DEFAULT_PORT})`, integerFlag('--port', 0, 65_535))
    .option('--prm <name>', 'PRM: a bundle folder or an endpoint (default: the newest runs/*/prm)')
    .option('--policy <name>', 'policy: an endpoint (default: puzzle-world)');
  return withSharedFlags(withModelFlags(command)).action(
    action<ServeFlags>(streams, ['port', 'prm', 'policy'], async ({ config, console, signal }) => {
      const { startServer } = await import('@vlprm/api');
      const serve = async (platform: Platform): Promise<void> => {
        const server = await startServer({
          platform,
          port: config.port ?? DEFAULT_PORT,
          onDefect: (error, path) =>
            console.note(`defect at ${path ?? 'unknown path'}: ${error.stack ?? error.message}`),
        });
        try {
          console.result({ url: server.url }, `listening on ${server.url}`);
          await untilAborted(signal);
        } finally {
          await server.close();
        }
      };
      await withPlatform({ config, signal }, serve, createTotalsLedger());
    }),
  );
}
