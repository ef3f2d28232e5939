import type OpenAI from 'openai';
import { VlprmError } from '../../runtime/errors.ts';
import type { ReplicaSpec } from '../../runtime/flow/index.ts';
import { createClient } from './client.ts';
import { definedFields } from './defined-fields.ts';
import type { Addresses, Dialect } from './dialects/index.ts';
import type { EndpointConfig } from './endpoint-config.ts';

/** One server of an endpoint, ready to be called. */
export interface EndpointReplica {
  /** Name of the endpoint and base URL, for `where` of errors. */
  readonly where: string;
  readonly model: string;
  readonly addresses: Addresses;
  readonly client: OpenAI;
  readonly apiKeyEnv: string | null;
  /** Never to be shown. */
  readonly secrets: readonly string[];
}

export interface ReplicaOptions {
  /** Name of the endpoint in the configuration. */
  readonly endpoint: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch?: typeof fetch;
}

function readKey(variable: string, endpoint: string, env: ReplicaOptions['env']): string {
  const key = env[variable]?.trim();
  const where = `endpoint ${endpoint}, apiKeyEnv`;
  if (key === undefined || key === '') {
    throw new VlprmError('ERR_CONFIG', `the environment variable ${variable} is not set`, {
      where,
      fix: `put the key into ${variable}, or leave apiKeyEnv out`,
    });
  }
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new VlprmError('ERR_CONFIG', `the value of ${variable} has characters that no key has`, {
    where,
    fix: 'write it again: one line of plain letters, digits and signs',
  });
}

/** `endpoint NAME at URL`. */
function describeServer(baseUrl: URL, endpoint: string): string {
  return `endpoint ${endpoint} at ${(baseUrl.origin + baseUrl.pathname).replace(/\/+$/, '')}`;
}

function readBaseUrl(text: string, endpoint: string): URL {
  const url = new URL(text);
  if (url.username === '' && url.password === '') return url;
  throw new VlprmError('ERR_CONFIG', 'a name or password stands in the base URL', {
    where: `endpoint ${endpoint}, baseUrl`,
    fix: 'leave it out, and name the variable that holds a key in apiKeyEnv',
  });
}

interface ReplicaConfig extends Pick<EndpointConfig, 'baseUrl' | 'model' | 'apiKeyEnv'> {
  readonly weight?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  readonly maxConcurrency?: number | undefined;
}

function createReplica(
  config: ReplicaConfig,
  dialect: Dialect,
  apiVersion: string | null,
  options: ReplicaOptions,
): EndpointReplica {
  const { endpoint, env } = options;
  const { model, apiKeyEnv } = config;
  const baseUrl = readBaseUrl(config.baseUrl, endpoint);
  const key = apiKeyEnv === undefined ? null : readKey(apiKeyEnv, endpoint, env);
  return {
    where: describeServer(baseUrl, endpoint),
    model,
    addresses: dialect.addresses(baseUrl, model, apiVersion),
    client: createClient(key === null ? {} : dialect.authorization(key), options.fetch),
    apiKeyEnv: apiKeyEnv ?? null,
    secrets: key === null ? [] : [key],
  };
}

/** Every server of an endpoint: the first, and its replicas with what they leave out taken from it. */
export function serversOf({ replicas = [], ...first }: EndpointConfig): ReplicaConfig[] {
  return [first, ...replicas.map((replica) => ({ ...first, ...definedFields(replica) }))];
}

/** The servers of an endpoint with their limits, for a pool. ERR_CONFIG for a key that is not there or a secret in a URL. */
export function createReplicas(
  config: EndpointConfig,
  dialect: Dialect,
  options: ReplicaOptions,
): ReplicaSpec<EndpointReplica>[] {
  return serversOf(config).map((each, index, all) => {
    const replica = createReplica(each, dialect, config.apiVersion ?? null, options);
    const repeated = all.slice(0, index).filter(({ baseUrl }) => baseUrl === each.baseUrl).length;
    return {
      name: repeated === 0 ? replica.where : `${replica.where} (${repeated + 1})`,
      replica,
      weight: each.weight ?? 1,
      requestsPerMinute: each.requestsPerMinute ?? null,
      tokensPerMinute: each.tokensPerMinute ?? null,
      maxConcurrency: each.maxConcurrency ?? dialect.maxConcurrency,
    };
  });
}
