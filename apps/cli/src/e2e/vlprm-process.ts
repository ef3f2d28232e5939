import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/vlprm.mjs', import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface VlprmProcess {
  readonly child: ChildProcess;
  /** Kills it and all that it started, as `kill -9` on each of them would. */
  killAll(): void;
  /** What has been written to stderr so far. */
  stderr(): string;
  readonly ended: Promise<Ended>;
}

export interface VlprmProcessOptions {
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own, so that `killAll` reaches it; an interrupt of this process then does not. */
  readonly ownGroup?: boolean;
}

/** Starts the real command line in a process of its own, as a user would. */
export function startVlprm(
  args: readonly string[],
  cwd: string,
  { env = {}, ownGroup = false }: VlprmProcessOptions = {},
): VlprmProcess {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...text }));
  });
  const killAll = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  return { child, killAll, stderr: () => text.stderr, ended };
}

/** Runs the command line to its end. */
export function runVlprm(args: readonly string[], cwd: string): Promise<Ended> {
  return startVlprm(args, cwd).ended;
}
