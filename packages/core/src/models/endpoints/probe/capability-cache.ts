import { homedir } from 'node:os';
import { join } from 'node:path';
import { contentHash } from '../../../runtime/content-hash.ts';
import { readJsonFile, writeJsonAtomic } from '../../../runtime/index.ts';
import type { EndpointConfig } from '../endpoint-config.ts';
import { capabilityRecordSchema, type CapabilityRecord } from './capability-record.ts';

type EndpointIdentity = Pick<EndpointConfig, 'kind' | 'baseUrl' | 'model'>;
type ProbedEndpoint = EndpointIdentity & Pick<EndpointConfig, 'capabilities'>;

/** What earlier probes found, a JSON file for each kind, base URL and model. */
export interface CapabilityCache {
  /** Null for what has not been probed, was left to a configuration that no longer says it, or cannot be read. */
  read(endpoint: ProbedEndpoint): Promise<CapabilityRecord | null>;
  /** Keeps a record. A folder that cannot be written is no failure: the next opening probes again. */
  write(record: CapabilityRecord): Promise<void>;
}

/** `$XDG_CACHE_HOME/vlprm` or `~/.cache/vlprm`: https://specifications.freedesktop.org/basedir-spec */
export function userCacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'vlprm');
}

/** What a configuration said was not probed: the record holds as long as the configuration still says something about it. */
function holdsFor({ findings }: CapabilityRecord, { capabilities = {} }: ProbedEndpoint): boolean {
  return findings.every(({ capability, by }) => by !== 'configured' || capabilities[capability] !== undefined);
}

/** Records of probes in a folder, readable by anybody who may read it: there is no key in them. */
export function createCapabilityCache(folder: string): CapabilityCache {
  const fileOf = ({ kind, baseUrl, model }: EndpointIdentity): string =>
    join(folder, 'capabilities', `${contentHash({ kind, baseUrl, model })}.json`);
  return {
    read: async (endpoint) => {
      const record = await readJsonFile(fileOf(endpoint), capabilityRecordSchema).catch(() => null);
      return record !== null && holdsFor(record, endpoint) ? record : null;
    },
    write: (record) => writeJsonAtomic(fileOf(record), record).catch(() => undefined),
  };
}
