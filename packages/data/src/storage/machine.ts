import { execFile } from 'node:child_process';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { RunRecord } from '@vlprm/core/records';

const execute = promisify(execFile);

/** What of this machine belongs into a run's record: nothing that names it or its user. */
export function describeMachine(): RunRecord['machine'] {
  return {
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

/** Git revision of a folder, with `+` when tracked files have changes; null where there is no repository or no git. */
export async function gitRevision(folder: string): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute('git', ['-C', folder, ...args], { timeout: 10_000 });
    return stdout.trim();
  };
  try {
    const revision = await git('rev-parse', 'HEAD');
    const changes = await git('status', '--porcelain', '--untracked-files=no');
    return changes === '' ? revision : `${revision}+`;
  } catch {
    return null;
  }
}
