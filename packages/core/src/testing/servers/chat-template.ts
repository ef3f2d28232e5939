import type { ServedMessage } from './brain.ts';
import { tokenize, type Token } from './tokenizer.ts';

/** How many tokens an image becomes in the prompt. */
const IMAGE_TOKENS = 16;
const IMAGE = `<|vision_start|>${'<|image_pad|>'.repeat(IMAGE_TOKENS)}<|vision_end|>`;

export interface RenderOptions {
  /** Ends with the header of the assistant's next turn. */
  readonly generationPrompt: boolean;
  /** Leaves the last message open. */
  readonly continueFinal: boolean;
}

/** A conversation as tokens. */
export interface RenderedPrompt {
  readonly tokens: readonly Token[];
  /** Index of the first token of each turn of the assistant; of a turn that is yet to be written: the prompt's length. */
  readonly turns: readonly number[];
}

/** Renders messages in ChatML, as the Qwen models do: images before the text of their message. */
export function renderChat(messages: readonly ServedMessage[], options: RenderOptions): RenderedPrompt {
  const tokens: Token[] = [];
  const turns: number[] = [];
  messages.forEach(({ role, text, images }, index) => {
    tokens.push(...tokenize(`<|im_start|>${role}\n`));
    if (role === 'assistant') turns.push(tokens.length);
    tokens.push(...tokenize(IMAGE.repeat(images.length) + text));
    if (!options.continueFinal || index < messages.length - 1) tokens.push(...tokenize('<|im_end|>\n'));
  });
  if (options.generationPrompt) {
    tokens.push(...tokenize('<|im_start|>assistant\n'));
    turns.push(tokens.length);
  }
  return { tokens, turns };
}

const TURN = /<\|im_start\|>(system|user|assistant)\n([\s\S]*?)(<\|im_end\|>\n?|$)/g;
const IMAGE_MARK = /<\|vision_start\|>(?:<\|image_pad\|>)+<\|vision_end\|>/g;

/**
 * Messages of a prompt that was rendered in ChatML by the client; its images are handed out in order of their marks.
 * A text without a turn is one message of the user. `open`: the last message has no end.
 */
export function readChat(prompt: string, images: readonly Uint8Array[]): { messages: ServedMessage[]; open: boolean } {
  if (!prompt.includes('<|im_start|>')) return { messages: [{ role: 'user', text: prompt, images }], open: false };
  let next = 0;
  let open = false;
  const messages = [...prompt.matchAll(TURN)].map(([, role, content = '', end]): ServedMessage => {
    open = end === '';
    const own = content.match(IMAGE_MARK)?.length ?? 0;
    const taken = images.slice(next, next + own);
    next += own;
    return { role: role as ServedMessage['role'], text: content.replaceAll(IMAGE_MARK, ''), images: taken };
  });
  return { messages, open };
}
