import type { TokenEstimate } from '../../runtime/gateway/index.ts';
import type { ChatMessage, ChatRequest } from './chat.ts';

/** Prose and mathematics take 2.5 to 4.5 bytes a token in the vocabularies of current models. */
const FEWEST_BYTES_PER_TOKEN = 2;
/** Qwen2.5-VL's limit as VL-PRMs use it: 1280 patches of 28 × 28 pixels. */
const TOKENS_PER_IMAGE = 1280;
/** What a chat template adds to each message. */
const TOKENS_PER_MESSAGE = 16;

/** Most tokens that a prompt of so many bytes of text and so many images is likely to have. Never a count: it only reserves. */
function estimatePrompt(bytes: number, images: number, messages: number): number {
  return Math.ceil(bytes / FEWEST_BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE + messages * TOKENS_PER_MESSAGE;
}

/** As `estimatePrompt`, of messages. */
export function estimateMessages(messages: readonly ChatMessage[]): number {
  let bytes = 0;
  let images = 0;
  for (const part of messages.flatMap(({ content }) => content)) {
    if (part.type === 'text') bytes += Buffer.byteLength(part.text);
    else images += 1;
  }
  return estimatePrompt(bytes, images, messages.length);
}

/** Tokens to reserve for a chat call. */
export function estimateTokens({ messages, n, sampling }: ChatRequest): TokenEstimate {
  return { promptTokens: estimateMessages(messages), completionTokens: n * sampling.maxTokens };
}
