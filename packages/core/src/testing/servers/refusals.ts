/** Why a server does not answer a request, before its dialect has words for it. */
export type Refusal =
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'model-unknown'; readonly model: string }
  | { readonly kind: 'route-unknown'; readonly method: string; readonly path: string }
  | {
      readonly kind: 'invalid';
      readonly message: string;
      readonly param?: string;
      readonly code?: string;
    }
  | {
      readonly kind: 'context-overflow';
      readonly limit: number;
      readonly promptTokens: number;
      readonly completionTokens: number;
    }
  | { readonly kind: 'images-unsupported'; readonly model: string }
  | { readonly kind: 'images-too-many'; readonly limit: number; readonly count: number }
  | { readonly kind: 'image-unreadable' }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number }
  | { readonly kind: 'failed' }
  | { readonly kind: 'content-filter' };

/** Thrown while a request is read or answered. */
export class RefusedRequest extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.kind);
    this.name = 'RefusedRequest';
    this.refusal = refusal;
  }
}

/** Throws the refusal of a request that the dialect does not allow. */
export function refuseInvalid(message: string, detail: { param?: string; code?: string } = {}): never {
  throw new RefusedRequest({ kind: 'invalid', message, ...detail });
}

/** `retry-after` in whole seconds, as HTTP has it, and in milliseconds, as OpenAI and Azure add it. */
export function retryAfterHeaders(retryAfterMs: number): Record<string, string> {
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)), 'retry-after-ms': String(retryAfterMs) };
}
