import type { ChatMessage, ChatPart } from '../chat.ts';
import type { JsonWithImages } from '../model-service.ts';

/** Texts that follow each other become one: servers join parts with separators of their own. */
function joinTexts(parts: readonly ChatPart[]): ChatPart[] {
  const joined: ChatPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.type === 'text' && last?.type === 'text') {
      joined[joined.length - 1] = { type: 'text', text: last.text + part.text };
    } else {
      joined.push(part);
    }
  }
  return joined;
}

/** All text of a message, in order. */
export function messageText(message: ChatMessage): string {
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function encodePart(part: ChatPart): JsonWithImages {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { sha256, mime } = part;
  return { type: 'image_url', image_url: { url: { image: { sha256, mime }, as: 'data-url' } } };
}

/** A message as the chat completions API wants it: text alone is a string, which every chat template takes. */
export function encodeMessage(message: ChatMessage): JsonWithImages {
  const pure = message.content.every(({ type }) => type === 'text');
  return {
    role: message.role,
    content: pure ? messageText(message) : joinTexts(message.content).map(encodePart),
  };
}
