import type { ServedMessage, ServedRequest } from './brain.ts';
import { tokenize, type Token } from './tokenizer.ts';

/** How many tokens an image becomes in the prompt. */
const IMAGE_TOKENS = 16;
/** What stands for an image in a rendered prompt. */
export const IMAGE_MARK = `<|vision_start|>${'<|image_pad|>'.repeat(IMAGE_TOKENS)}<|vision_end|>`;

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
    tokens.push(...tokenize(IMAGE_MARK.repeat(images.length) + text));
    if (!options.continueFinal || index < messages.length - 1) tokens.push(...tokenize('<|im_end|>\n'));
  });
  if (options.generationPrompt) {
    tokens.push(...tokenize('<|im_start|>assistant\n'));
    turns.push(tokens.length);
  }
  return { tokens, turns };
}

const TURN = /<\|im_start\|>(system|user|assistant)\n([\s\S]*?)(<\|im_end\|>\n?|$)/g;
const IMAGE_MARKS = /<\|vision_start\|>(?:<\|image_pad\|>)+<\|vision_end\|>/g;

/**
 * The conversation in a prompt that was rendered in ChatML by the client; its images are handed out in order of their
 * marks. A text without a turn is one message of the user.
 */
export function readChat(
  prompt: string,
  images: readonly Uint8Array[],
): Pick<ServedRequest, 'messages' | 'continueFinal' | 'generationPrompt'> {
  if (!prompt.includes('<|im_start|>')) {
    const messages = [{ role: 'user', text: prompt, images } as const];
    return { messages, continueFinal: false, generationPrompt: false };
  }
  let next = 0;
  const turns = [...prompt.matchAll(TURN)];
  const messages = turns.map(([, role, content = '']): ServedMessage => {
    const own = content.match(IMAGE_MARKS)?.length ?? 0;
    const taken = images.slice(next, next + own);
    next += own;
    return { role: role as ServedMessage['role'], text: content.replaceAll(IMAGE_MARKS, ''), images: taken };
  });
  const [, role, written, end] = turns.at(-1) ?? [];
  const open = role === 'assistant' && end === '';
  const begun = written !== '';
  return {
    messages: open && !begun ? messages.slice(0, -1) : messages,
    continueFinal: open && begun,
    generationPrompt: open && !begun,
  };
}
