import type { Usage } from '@vlprm/core/records';
import type { EndpointConfig } from '@vlprm/core/models/endpoints';
import { z } from 'zod';
import type { PlatformConfig } from './config.ts';

/** What a model is used for. */
export type ModelUse = 'policy' | 'judge' | 'prm';

/** What calls for one use have cost. */
export interface ModelSpending {
  readonly use: ModelUse | 'probe';
  /** Endpoint and model; null for calls of several. */
  readonly endpoint: string | null;
  readonly model: string | null;
  /** Unknown parts are null. */
  readonly usage: Usage;
}

/** The endpoints that a use's names in the configuration stand for; a name that is none is left out. */
export function endpointsNamed(config: Pick<PlatformConfig, ModelUse | 'endpoints'>, use: ModelUse): string[] {
  return [config[use] ?? []].flat().filter((name) => Object.hasOwn(config.endpoints, name));
}

/** The stages of a ledger that calls to endpoints are kept under, with whom they were made to. */
export function spendingOf(config: PlatformConfig, byStage: Readonly<Record<string, Usage>>): ModelSpending[] {
  return (['policy', 'judge', 'prm', 'probe'] as const).flatMap((use): ModelSpending[] => {
    const usage = byStage[`call/${use}`];
    if (usage === undefined) return [];
    const named = use === 'probe' ? [] : endpointsNamed(config, use);
    const endpoint = named.length === 1 ? named[0]! : null;
    const model = endpoint === null ? null : (config.endpoints[endpoint]?.model ?? null);
    return [{ use, endpoint, model, usage }];
  });
}

/** What of an endpoint's configuration decides its answers. Addresses, keys, limits and prices may change within a run. */
const DECISIVE = ['kind', 'model', 'extraBody', 'sampling', 'steps', 'prompt', 'capabilities', 'prm'] as const;
const identitySchema = z.record(z.string(), z.json());
export type EndpointIdentity = z.infer<typeof identitySchema>;

export function identityOf(config: EndpointConfig): EndpointIdentity {
  const decisive = DECISIVE.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]]]));
  return identitySchema.parse(Object.fromEntries(decisive));
}
