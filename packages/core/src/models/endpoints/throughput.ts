import type { EndpointCapabilities } from './capabilities.ts';
import { dialectOf } from './dialects/index.ts';
import type { EndpointConfig } from './endpoint-config.ts';
import { serversOf } from './replica.ts';

/** What an endpoint lets through by its configuration, all its servers together. */
export interface EndpointThroughput {
  /** Null: without a limit. */
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** Most calls in flight. */
  readonly maxConcurrency: number;
  /** Most completions of one call. */
  readonly choicesPerCall: number;
}

/** Without a limit as soon as one of them has none. */
const sumOfLimits = (limits: readonly (number | undefined)[]): number | null =>
  limits.reduce<number | null>((sum, limit) => (sum === null || limit === undefined ? null : sum + limit), 0);

/** @param probed what a probe has found; the configuration overrides it, and what neither says is as servers of its kind are */
export function endpointThroughput(
  config: EndpointConfig,
  probed: Partial<EndpointCapabilities> = {},
): EndpointThroughput {
  const servers = serversOf(config);
  const { assumed, maxConcurrency, maxChoices } = dialectOf(config.kind);
  const { n = assumed.n } = { ...probed, ...config.capabilities };
  return {
    requestsPerMinute: sumOfLimits(servers.map((server) => server.requestsPerMinute)),
    tokensPerMinute: sumOfLimits(servers.map((server) => server.tokensPerMinute)),
    maxConcurrency: servers.reduce((sum, server) => sum + (server.maxConcurrency ?? maxConcurrency), 0),
    choicesPerCall: n ? maxChoices : 1,
  };
}
