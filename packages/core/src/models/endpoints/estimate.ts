import type { TokenEstimate } from '../../runtime/gateway/index.ts';
import type { ChatRequest } from './chat.ts';

/** Prose and mathematics take 2.5 to 4.5 bytes a token in the vocabularies of current models. */
const FEWEST_BYTES_PER_TOKEN = 2;
/** Qwen2.5-VL's limit as VL-PRMs use it: 1280 patches of 28 × 28 pixels. */
const TOKENS_PER_IMAGE = 1280;
/** What a chat template adds to each message. */
const TOKENS_PER_MESSAGE = 16;

/** Most tokens that a prompt of so many bytes of text and so many images is likely to have. Never a count: it only reserves. */
export function estimatePrompt(bytes: number, images: number, messages: number): number {
  return Math.ceil(bytes / FEWEST_BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE + messages * TOKENS_PER_MESSAGE;
}

/** Tokens to reserve for a chat call. */
export function estimateTokens(request: ChatRequest): TokenEstimate {
  let bytes = 0;
  let images = 0;
  for (const part of request.messages.flatMap(({ content }) => content)) {
    if (part.type === 'text') bytes += Buffer.byteLength(part.text);
    else images += 1;
  }
  return {
    promptTokens: estimatePrompt(bytes, images, request.messages.length),
    completionTokens: request.n * request.sampling.maxTokens,
  };
}
