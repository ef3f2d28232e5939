import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { RUN_SCHEMA, runSchema, type RunRecord } from '@vlprm/core/records';
import {
  contentHash,
  readJsonFile,
  VlprmError,
  writeJsonAtomic,
  type RunStart,
  type RunStore,
} from '@vlprm/core/runtime';
import { describeMachine, gitRevision } from './machine.ts';

/** Where a run keeps what it makes. */
export interface RunPaths {
  readonly record: string;
  readonly ledger: string;
  readonly dataset: string;
  /** Lines of what a synthesis has set aside. */
  readonly rejects: string;
  readonly prm: string;
  readonly predictions: string;
  readonly traces: string;
  readonly reportJson: string;
  readonly reportHtml: string;
}

export function runPaths(dir: string): RunPaths {
  return {
    record: join(dir, 'run.json'),
    ledger: join(dir, 'ledger.sqlite'),
    dataset: join(dir, 'dataset'),
    rejects: join(dir, 'rejects.jsonl'),
    prm: join(dir, 'prm'),
    predictions: join(dir, 'predictions'),
    traces: join(dir, 'traces'),
    reportJson: join(dir, 'report.json'),
    reportHtml: join(dir, 'report.html'),
  };
}

export interface RunFolderOptions {
  /** Versions of vlprm and of what else decides the result; Node's is added. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Folder whose git revision is recorded. Default: the working folder. */
  readonly sourceFolder?: string;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Names of what differs between two starts: `command`, `seed` or the fields of the configuration. */
function differences(earlier: RunStart, start: RunStart): string[] {
  const had: Record<string, unknown> = { ...earlier.config, command: earlier.command, seed: earlier.seed };
  const wanted: Record<string, unknown> = { ...start.config, command: start.command, seed: start.seed };
  const names = Object.keys({ ...had, ...wanted });
  return names.filter((name) => contentHash(had[name] ?? null) !== contentHash(wanted[name] ?? null));
}

/** The run store of a folder: `run.json`, written atomically. */
export function createRunFolder(dir: string, options: RunFolderOptions = {}): RunStore & { readonly paths: RunPaths } {
  const paths = runPaths(dir);
  const read = async (): Promise<RunRecord | null> =>
    (await exists(paths.record)) ? readJsonFile(paths.record, runSchema) : null;
  const save = async (record: RunRecord): Promise<RunRecord> => {
    await writeJsonAtomic(paths.record, record);
    return record;
  };
  return {
    paths,
    read,
    begin: async ({ command, config, seed }) => {
      const earlier = await read();
      const differing = earlier === null ? [] : differences(earlier, { command, config, seed });
      if (differing.length > 0) {
        throw new VlprmError('ERR_RUN_MISMATCH', `the folder holds a run with another ${differing.join(', ')}`, {
          where: paths.record,
          fix: 'give the same options to resume it, or another --out',
        });
      }
      return save({
        schema: RUN_SCHEMA,
        command,
        config,
        seed,
        versions: { ...options.versions, node: process.version },
        revision: await gitRevision(options.sourceFolder ?? process.cwd()),
        machine: describeMachine(),
        startedAt: earlier?.startedAt ?? new Date().toISOString(),
        endedAt: null,
        exit: null,
      });
    },
    finish: async (exit) => {
      const record = await read();
      if (record === null) {
        throw new VlprmError('ERR_INTERNAL', 'a run was finished that had not begun', { where: paths.record });
      }
      return save({ ...record, endedAt: new Date().toISOString(), exit });
    },
  };
}
