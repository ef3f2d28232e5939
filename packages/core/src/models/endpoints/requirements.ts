import { ServiceError } from '../../runtime/gateway/index.ts';
import type { EndpointCapabilities } from './capabilities.ts';
import type { ChatRequest } from './chat.ts';

export function countImages({ messages }: Pick<ChatRequest, 'messages'>): number {
  return messages.reduce((sum, { content }) => sum + content.filter(({ type }) => type === 'image').length, 0);
}

/** What of a request the capabilities do not allow, and the capability that would; null when they allow all of it. */
function findMissing(
  request: ChatRequest,
  can: EndpointCapabilities,
): readonly [string, keyof EndpointCapabilities] | null {
  const images = countImages(request);
  if (images > 0 && !can.images) return ['take images', 'images'];
  if (can.maxImages !== null && images > can.maxImages) return [`take ${images} images`, 'maxImages'];
  if (request.continueFinal && !can.prefill) return ['go on with a text of the assistant', 'prefill'];
  const wanted = Math.max(request.topLogprobs, request.labelTokenIds === null ? 0 : 1);
  if (wanted > can.topLogprobs) return [`give ${wanted} log-probabilities a token`, 'topLogprobs'];
  if (request.labelTokenIds !== null && !can.labelLogprobs) {
    return ['give the log-probabilities of named tokens', 'labelLogprobs'];
  }
  if (request.choices !== null && !can.structuredOutput) {
    return ['hold an answer to a set of texts', 'structuredOutput'];
  }
  if (request.responseSchema !== undefined && !can.jsonSchema) return ['hold an answer to a JSON Schema', 'jsonSchema'];
  return null;
}

/** ERR_CAPABILITY_MISSING when the request asks for what the endpoint cannot do. */
export function requireCapabilities(request: ChatRequest, can: EndpointCapabilities, where: string): void {
  const missing = findMissing(request, can);
  if (missing === null) return;
  const [what, capability] = missing;
  throw new ServiceError('ERR_CAPABILITY_MISSING', `the endpoint cannot ${what}`, {
    where,
    fix: `use another \`kind\` or server; if this one can, set capabilities.${capability} of the endpoint`,
  });
}
