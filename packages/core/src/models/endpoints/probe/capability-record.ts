import { z } from 'zod';
import { endpointCapabilitiesSchema, type EndpointCapabilities } from '../capabilities.ts';
import { ENDPOINT_KINDS } from '../endpoint-config.ts';

export const CAPABILITY_SCHEMA = 'vlprm.capabilities/1';

/** How a capability was found out. */
const findingSchema = z.object({
  capability: z.keyof(endpointCapabilitiesSchema),
  /** `probed`: the server was asked; `configured`: the configuration says so; `assumed`: by the kind, for want of an answer. */
  by: z.enum(['probed', 'configured', 'assumed']),
  detail: z.string(),
});
export type CapabilityFinding = z.infer<typeof findingSchema>;

/** What a probe of one endpoint found (`vlprm.capabilities/1`). */
export const capabilityRecordSchema = z.object({
  schema: z.literal(CAPABILITY_SCHEMA),
  kind: z.enum(ENDPOINT_KINDS),
  baseUrl: z.string(),
  model: z.string(),
  /** ISO 8601. */
  probedAt: z.iso.datetime(),
  /** As the server names itself; null when it does not. */
  serverVersion: z.string().nullable(),
  capabilities: endpointCapabilitiesSchema,
  findings: z.array(findingSchema),
  /** Calls that the probe made, and how long the first of them took. */
  calls: z.int().nonnegative(),
  latencyMs: z.number().nonnegative(),
});
export type CapabilityRecord = z.infer<typeof capabilityRecordSchema>;

export type CapabilityName = keyof EndpointCapabilities;
