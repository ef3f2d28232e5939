import {
  createCapabilityCache,
  endpointSchema,
  openModelService,
  probeEndpoint,
  readServerVersion,
  recordingFetch,
  replayingFetch,
  userCacheFolder,
  type CapabilityRecord,
  type EndpointCapabilities,
  type EndpointConfig,
  type ModelService,
} from '@vlprm/core/models/endpoints';
import { createMemoryLedger, requirePrices, type Budget, type Events, type Ledger } from '@vlprm/core/runtime';
import type { PlatformConfig } from './config.ts';
import { openOnce } from './open-once.ts';

/** A model behind servers, opened, and what is known of it. */
export interface OpenedEndpoint {
  readonly name: string;
  readonly config: EndpointConfig;
  readonly service: ModelService;
  readonly record: CapabilityRecord;
}

export interface EndpointsOptions {
  readonly config: Pick<PlatformConfig, 'endpoints' | 'prices' | 'record' | 'replay'>;
  readonly ledger: Ledger;
  readonly budget: Budget;
  /** Where keys and the user's cache folder are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Send the calls of endpoints with `batch` through their batch APIs. Default: every call is made by itself. */
  readonly batches?: boolean | undefined;
  /** Told how far batches are. */
  readonly events?: Events | undefined;
  /** Ends probes. */
  readonly signal?: AbortSignal | undefined;
}

/** The endpoints of a configuration. */
export interface Endpoints {
  /** Opens an endpoint, once. What it can do comes from the cache, or else from a probe. */
  open(name: string): Promise<OpenedEndpoint>;
  /** What earlier probes have found, without asking anybody; null when nothing is known. */
  known(name: string): Promise<CapabilityRecord | null>;
  /** Probes the first server of an endpoint, whatever the cache says, and renews the cache. */
  probe(name: string): Promise<CapabilityRecord>;
  /** Makes one tiny call to each further server of a pool, past the pool: its latency, or what it failed with. */
  checkReplicas(name: string, record: CapabilityRecord): Promise<ReplicaCheck[]>;
  close(): Promise<void>;
}

export interface ReplicaCheck {
  readonly baseUrl: string;
  /** Milliseconds of the call, or its error. */
  readonly result: number | Error;
}

/**
 * Opens nothing yet. Recorded and replayed traffic is whole: it begins with the probes, and leaves the cache alone.
 * @throws what opening a file of recorded traffic throws
 */
export async function createEndpoints(options: EndpointsOptions): Promise<Endpoints> {
  const { config, ledger, budget, env, batches = false, events, signal } = options;
  const { endpoints, prices, record, replay } = config;
  const fetch = await trafficFetch(record, replay);
  const cache = record === null && replay === null ? createCapabilityCache(userCacheFolder(env)) : null;
  const services = new Set<ModelService>();

  const withoutKeys = (own: EndpointConfig): EndpointConfig => ({
    ...own,
    apiKeyEnv: undefined,
    replicas: own.replicas?.map((replica) => ({ ...replica, apiKeyEnv: undefined })),
  });
  // Recorded traffic answers whoever has the file, key or not.
  const configOf = (name: string): EndpointConfig =>
    replay === null ? endpoints[name]! : withoutKeys(endpoints[name]!);
  const oneByOne = (own: EndpointConfig): EndpointConfig => ({ ...own, batch: undefined });
  const replicaOptions = (name: string) => ({ endpoint: name, env, ...(fetch && { fetch }) });
  const openService = (name: string, own: EndpointConfig, kept: Ledger, probed: EndpointCapabilities): ModelService => {
    if (budget.limits.usd !== undefined) requirePrices([own.model], prices);
    return openModelService(own, {
      ...replicaOptions(name),
      ledger: kept,
      budget,
      prices,
      probed,
      ...(events && { events }),
    });
  };
  const probe = async (name: string, own: EndpointConfig, kept: Ledger): Promise<CapabilityRecord> => {
    const found = await probeEndpoint(own, {
      open: (alone, probed) => openService(name, oneByOne(alone), kept, probed),
      serverVersion: () => readServerVersion(own, replicaOptions(name)),
      ...(signal && { signal }),
    });
    await cache?.write(found);
    return found;
  };
  const checkReplicas = (name: string, { capabilities }: CapabilityRecord): Promise<ReplicaCheck[]> => {
    const { replicas = [], ...first } = configOf(name);
    return Promise.all(
      replicas.map(async (replica): Promise<ReplicaCheck> => {
        // With everything known, a probe is a single call.
        const own = endpointSchema.parse({ ...first, ...replica, capabilities });
        const open = (alone: EndpointConfig) => openService(name, alone, createMemoryLedger(), capabilities);
        const result = await probeEndpoint(own, { open, ...(signal && { signal }) }).then(
          ({ latencyMs }) => latencyMs,
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        );
        return { baseUrl: replica.baseUrl, result };
      }),
    );
  };
  const open = async (name: string): Promise<OpenedEndpoint> => {
    const own = batches ? configOf(name) : oneByOne(configOf(name));
    const found = (await cache?.read(own)) ?? (await probe(name, own, ledger));
    const service = openService(name, own, ledger, found.capabilities);
    services.add(service);
    return { name, config: own, service, record: found };
  };
  const openers = new Map(Object.keys(endpoints).map((name) => [name, openOnce(() => open(name))]));
  return {
    known: async (name) => (await cache?.read(configOf(name))) ?? null,
    open: (name) => openers.get(name)!(),
    probe: (name) => {
      const { replicas: _, ...first } = configOf(name);
      return probe(name, first, createMemoryLedger());
    },
    checkReplicas,
    close: async () => {
      await Promise.all([...services].map((service) => service.close()));
    },
  };
}

/** How requests are sent when traffic is recorded or replayed; null when it is neither. */
async function trafficFetch(record: string | null, replay: string | null): Promise<typeof fetch | null> {
  if (replay !== null) return replayingFetch(replay);
  return record === null ? null : recordingFetch(record);
}
