import { z } from 'zod';
import { dialectOf } from '../dialects/index.ts';
import type { EndpointConfig, EndpointKind } from '../endpoint-config.ts';
import { createReplicas, type ReplicaOptions } from '../replica.ts';

const version = z.object({ version: z.string() }).transform((answer) => answer.version);

/** Where servers tell their version, by kind; services do not. */
const VERSIONS: Partial<Record<EndpointKind, { readonly path: string; readonly answer: z.ZodType<string> }>> = {
  vllm: { path: '/version', answer: version },
  sglang: { path: '/server_info', answer: version },
  'llama.cpp': {
    path: '/props',
    answer: z.object({ build_info: z.string() }).transform((answer) => answer.build_info),
  },
  ollama: { path: '/api/version', answer: version },
};

/** The version that the first server of an endpoint tells; null where it tells none, or cannot be asked. */
export async function readServerVersion(config: EndpointConfig, options: ReplicaOptions): Promise<string | null> {
  const route = VERSIONS[config.kind];
  const [spec] = createReplicas(config, dialectOf(config.kind), options);
  if (route === undefined || spec === undefined) return null;
  const { client, addresses } = spec.replica;
  const told = await client.get(addresses.root + route.path, { timeout: 10_000 }).catch(() => null);
  return route.answer.safeParse(told).data ?? null;
}
