import type { PresentedProblem } from '../../../models/ports.ts';
import { imageHash } from '../../../models/image.ts';
import { PROBLEM_SCHEMA, type ImageRef } from '../../../records/index.ts';
import { contentHash } from '../../../runtime/content-hash.ts';
import type { ServedMessage } from '../brain.ts';
import { RefusedRequest } from '../refusals.ts';

const MIME = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' } as const;

async function imageRef(bytes: Uint8Array): Promise<ImageRef> {
  const { default: sharp } = await import('sharp');
  const { format, width, height } = await sharp(bytes)
    .metadata()
    .catch(() => {
      throw new RefusedRequest({ kind: 'image-unreadable' });
    });
  const sha256 = imageHash(bytes);
  return { sha256, mime: MIME[format as keyof typeof MIME], width, height, path: sha256 };
}

/** What a model behind a server knows of a problem: the question and the images that came with it, not where it is from. */
export async function presentedProblem(
  question: string,
  messages: readonly ServedMessage[],
): Promise<PresentedProblem> {
  const images = messages.flatMap((message) => message.images);
  const refs = await Promise.all(images.map(imageRef));
  const id = contentHash([question, refs.map(({ sha256 }) => sha256)]);
  const problem = {
    schema: PROBLEM_SCHEMA,
    id,
    groupId: id,
    images: refs,
    question,
    options: null,
    source: 'served',
  } as const;
  return { problem, images };
}

/** Texts of the user's messages, one below the other. */
export function userText(messages: readonly ServedMessage[]): string {
  return messages.flatMap(({ role, text }) => (role === 'user' ? [text] : [])).join('\n\n');
}

/** What stands between `<tag>` and `</tag>` on lines of their own; null when the text has no such block. */
export function taggedBlock(text: string, tag: string): string | null {
  return new RegExp(`<${tag}>\\n([\\s\\S]*?)\\n</${tag}>`).exec(text)?.[1] ?? null;
}
