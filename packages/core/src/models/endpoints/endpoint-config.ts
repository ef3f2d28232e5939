import { z } from 'zod';
import { endpointCapabilitiesSchema } from './capabilities.ts';
import { CHAT_TEMPLATE_NAMES, chatTemplateSchema } from './prm/chat-template.ts';

/** Servers whose dialects are known. `openai-compatible`: any other; nothing is assumed of it that was not probed. */
export const ENDPOINT_KINDS = [
  'vllm',
  'sglang',
  'openai',
  'azure',
  'llama.cpp',
  'ollama',
  'openai-compatible',
] as const;
export type EndpointKind = (typeof ENDPOINT_KINDS)[number];

/** Ways to read step scores from a server. */
export const PRM_READINGS = ['chat-token', 'prompt-logprobs', 'pooling', 'token-ids'] as const;
export type PrmReading = (typeof PRM_READINGS)[number];

const positive = z.number().positive();
const count = z.int().positive();
const serverUrl = z.url({ protocol: /^https?$/, error: 'an address that begins with http:// or https://' });
/** Name of the environment variable that holds a key; the key itself never stands in a file. */
const keyVariable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable, not a key');

const limits = {
  requestsPerMinute: positive.optional(),
  tokensPerMinute: positive.optional(),
  /** Most calls in flight. */
  maxConcurrency: count.optional(),
};

/** One more server of the same model; what it leaves out is as in the endpoint. */
const replicaSchema = z.strictObject({
  baseUrl: serverUrl,
  model: z.string().min(1).optional(),
  apiKeyEnv: keyVariable.optional(),
  weight: positive.optional(),
  ...limits,
});

const samplingSchema = z.strictObject({
  temperature: z.number().min(0).max(10).optional(),
  topP: z.number().min(0).max(1).optional(),
  topK: z.int().min(-1).optional(),
  minP: z.number().min(0).max(1).optional(),
  repetitionPenalty: positive.optional(),
  maxTokens: count.optional(),
});

/** How a free-form policy's text is cut into steps. */
const splitterSchema = z.union(
  [
    z.enum(['tagged', 'paragraphs', 'numbered']),
    z.strictObject({
      /** Regular expression that matches the separator between two steps. */
      separator: z.string().min(1),
      /** Stop text that ends one step in a step-wise search. */
      stop: z.string().min(1),
    }),
  ],
  'tagged, paragraphs, numbered, or {separator, stop}',
);

export const prmSchema = z.strictObject({
  reading: z.enum(PRM_READINGS).default('chat-token'),
  labels: z
    .strictObject({
      positive: z.string().min(1).default('+'),
      negative: z.string().min(1).default('-'),
      positiveId: z.int().nonnegative().optional(),
      negativeId: z.int().nonnegative().optional(),
    })
    .prefault({}),
  /** A label that is not among the reported tokens: an error, or a bound from the least likely reported one. */
  missingLabel: z.enum(['error', 'bound']).default('bound'),
  /** Logit differences are divided by it. */
  temperature: positive.default(1),
  threshold: z.number().min(0).max(1).default(0.5),
  /** Text after each step, for pooling models that mark steps by a token, e.g. `<extra_0>`. */
  stepTag: z.string().min(1).optional(),
  stepTagId: z.int().nonnegative().optional(),
  /** Which of the pooled values is P(right). */
  positiveIndex: z.int().nonnegative().optional(),
  /** Instruction of the system; empty for none. Default: that of `text/prompts.ts`, or none for `pooling`. */
  instruction: z.string().optional(),
  /** How turns become text, for `token-ids`: its servers render none. A preset, or the parts. */
  chatTemplate: z.union([z.enum(CHAT_TEMPLATE_NAMES), chatTemplateSchema]).default('qwen2.5-vl'),
});

/** Calls go through the service's batch API: files of requests, answered within a day at a lower price. */
export const batchSchema = z.strictObject({
  /** Most requests, bytes and tokens of prompts and answers that one file may hold. */
  maxRequests: count.default(50_000),
  maxBytes: count.default(200_000_000),
  maxTokens: count.optional(),
  /** Files that may be waiting at the service at once. */
  maxOpen: count.default(4),
  /** A file is sent when no further request has come for so long and a place is free, or when it is full. */
  quietSeconds: positive.default(10),
  pollSeconds: positive.default(60),
  /** What a token costs, as a share of its price in `prices`. */
  priceFactor: z.number().min(0).max(1).default(0.5),
});

const BATCHING: readonly EndpointKind[] = ['openai', 'azure'];

const endpointFields = z.strictObject({
  kind: z.enum(ENDPOINT_KINDS),
  baseUrl: serverUrl,
  model: z.string().min(1),
  apiKeyEnv: keyVariable.optional(),
  /** Further servers of the same model; with the first they are one weighted pool. */
  replicas: z.array(replicaSchema).optional(),
  weight: positive.optional(),
  ...limits,
  /** For one attempt. Default 600. */
  timeoutSeconds: positive.optional(),
  /** Attempts of one call before its error stands. Default 6. */
  maxAttempts: count.optional(),
  /** Ask for a stream: keeps proxies from closing long generations. */
  stream: z.boolean().optional(),
  /** Context that Ollama is told to have for each call (`num_ctx`); a prompt beyond it is an error. Default 8192. */
  contextTokens: count.optional(),
  /** Azure's dated API, or `preview` of the v1 routes; without it the v1 routes are used. */
  apiVersion: z.string().min(1).optional(),
  /** Further fields of every request body, as they are (`chat_template_kwargs`, `mm_processor_kwargs`, `priority`, …). */
  extraBody: z.record(z.string(), z.json()).optional(),
  /** A preset by name, or values; `{preset, ...values}` overrides some of a preset. */
  sampling: z.union([z.string().min(1), samplingSchema.extend({ preset: z.string().min(1).optional() })]).optional(),
  steps: splitterSchema.optional(),
  /** Prompt of a policy: {question} and {answer}, the form of the answer, are filled in. Default: one for these `steps`. */
  prompt: z.string().min(1).optional(),
  /** What the probe finds is overridden by this. */
  capabilities: endpointCapabilitiesSchema.partial().optional(),
  prm: prmSchema.optional(),
  /** OpenAI and Azure alone. */
  batch: batchSchema.optional(),
});

/** A model behind one or more servers, as the configuration names it. */
export const endpointSchema = endpointFields.superRefine(({ kind, batch, replicas }, context) => {
  if (batch === undefined) return;
  const refuse = (message: string): void => context.addIssue({ code: 'custom', path: ['batch'], message });
  if (!BATCHING.includes(kind)) refuse(`of the kinds, ${BATCHING.join(' and ')} alone have a batch API`);
  if (replicas !== undefined && replicas.length > 0) refuse('a batch goes to one server: leave `replicas` out');
});
export type BatchConfig = z.output<typeof batchSchema>;
export type EndpointConfig = z.output<typeof endpointSchema>;
export type EndpointConfigInput = z.input<typeof endpointSchema>;
export type PrmEndpointConfig = z.output<typeof prmSchema>;
export type StepSplitterConfig = z.output<typeof splitterSchema>;
