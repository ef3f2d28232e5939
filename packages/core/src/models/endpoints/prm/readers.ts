import type { EndpointKind, PrmEndpointConfig, PrmReading } from '../endpoint-config.ts';
import type { ModelService } from '../model-service.ts';
import { ServiceError } from '../../../runtime/gateway/service-error.ts';
import { chatTokenReader } from './chat-token.ts';
import { poolingReader } from './pooling.ts';
import { promptLogprobsReader } from './prompt-logprobs.ts';
import type { StepLogitReader } from './step-logit-reader.ts';
import { tokenIdsReader } from './token-ids.ts';

interface Reading {
  /** Servers that have it; null for all. `openai-compatible` may be any server, so it is not refused. */
  readonly kind: EndpointKind | null;
  readonly open: (service: ModelService, config: PrmEndpointConfig) => StepLogitReader;
}

const READINGS: Readonly<Record<PrmReading, Reading>> = {
  'chat-token': { kind: null, open: chatTokenReader },
  'prompt-logprobs': { kind: 'vllm', open: promptLogprobsReader },
  pooling: { kind: 'vllm', open: poolingReader },
  'token-ids': { kind: 'sglang', open: tokenIdsReader },
};

/** The reader that the configuration names. ERR_CAPABILITY_MISSING when the endpoint's kind does not have it. */
export function stepLogitReader(service: ModelService, config: PrmEndpointConfig): StepLogitReader {
  const { kind, open } = READINGS[config.reading];
  if (kind !== null && service.kind !== kind && service.kind !== 'openai-compatible') {
    throw new ServiceError('ERR_CAPABILITY_MISSING', `${service.kind} has no way to read a PRM by ${config.reading}`, {
      where: service.name,
      fix: `serve the PRM with ${kind}, or set prm.reading to chat-token`,
    });
  }
  return open(service, config);
}
