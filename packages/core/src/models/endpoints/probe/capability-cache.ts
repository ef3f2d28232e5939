import { homedir } from 'node:os';
import { join } from 'node:path';
import { contentHash } from '../../../runtime/content-hash.ts';
import { readJsonFile, writeJsonAtomic } from '../../../runtime/index.ts';
import type { EndpointConfig } from '../endpoint-config.ts';
import { capabilityRecordSchema, type CapabilityRecord } from './capability-record.ts';

type EndpointIdentity = Pick<EndpointConfig, 'kind' | 'baseUrl' | 'model'>;

/** What earlier probes found, a JSON file for each kind, base URL and model. */
export interface CapabilityCache {
  /** Null for what has not been probed, or cannot be read. */
  read(endpoint: EndpointIdentity): Promise<CapabilityRecord | null>;
  /** Keeps a record. A folder that cannot be written is no failure: the next opening probes again. */
  write(record: CapabilityRecord): Promise<void>;
}

/** `$XDG_CACHE_HOME/vlprm` or `~/.cache/vlprm`: https://specifications.freedesktop.org/basedir-spec */
export function userCacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'vlprm');
}

/** Records of probes in a folder, readable by anybody who may read it: there is no key in them. */
export function createCapabilityCache(folder: string): CapabilityCache {
  const fileOf = ({ kind, baseUrl, model }: EndpointIdentity): string =>
    join(folder, 'capabilities', `${contentHash({ kind, baseUrl, model })}.json`);
  return {
    read: (endpoint) => readJsonFile(fileOf(endpoint), capabilityRecordSchema).catch(() => null),
    write: (record) => writeJsonAtomic(fileOf(record), record).catch(() => undefined),
  };
}
