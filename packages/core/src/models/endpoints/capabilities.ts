import { z } from 'zod';

/** What a model behind an endpoint can do: assumed from its kind, corrected by a probe, overridden by the configuration. */
export const endpointCapabilitiesSchema = z.strictObject({
  /** Goes on where the last message of the assistant ends. Without it a fallback prompt asks for the rest. */
  prefill: z.boolean(),
  /** Most tokens that `top_logprobs` may ask for; 0 when there are no log-probabilities. */
  topLogprobs: z.int().nonnegative(),
  /** Log-probabilities of named token ids, whatever their rank. */
  labelLogprobs: z.boolean(),
  images: z.boolean(),
  /** Null when unknown or unbounded. */
  maxImages: z.int().nonnegative().nullable(),
  /** Several completions in one call. Without it each is a call of its own. */
  n: z.boolean(),
  /** Answers held to a set of texts. */
  structuredOutput: z.boolean(),
  /** Answers held to a JSON Schema. */
  jsonSchema: z.boolean(),
  /** The service tells how much of a prompt came from its cache. */
  prefixCaching: z.boolean(),
  /** Takes stop texts. Without it a completion is written to its end or limit, and cut by us. */
  stop: z.boolean(),
  /** Tells which stop text ended a completion. */
  stopReason: z.boolean(),
  /** Takes temperature, top_p and seed; reasoning models refuse them. */
  sampling: z.boolean(),
});
export type EndpointCapabilities = z.infer<typeof endpointCapabilitiesSchema>;
