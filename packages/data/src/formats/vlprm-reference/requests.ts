import type { ImageRef } from '@vlprm/core/records';
import { sha256, VlprmError } from '@vlprm/core/runtime';
import { describeImage } from '../../problems/image-file.ts';
import type { RequestRow } from './rows.ts';

const DATA_URL = /^data:[^,]*;base64,/;
const OPENING = /<solution>/g;

/**
 * What a verification prompt may hold as its solution, longest first: from each `<solution>` to the last `</solution>`,
 * since the prompt explains the form by an example and the solution itself may contain the tags.
 */
export function solutionsIn(prompt: string): string[] {
  const end = prompt.lastIndexOf('</solution>');
  return [...prompt.matchAll(OPENING)]
    .map(({ 0: tag, index }) => prompt.slice(index + tag.length, Math.max(index + tag.length, end)).trim())
    .filter((solution) => solution !== '');
}

/** Text of a request's messages, and the URL of its one image. @throws ERR_IMAGE_DECODE when it has none or several */
export function contentOf({ body }: RequestRow): { text: string; imageUrl: string } {
  const parts = body.messages.flatMap(({ content }) =>
    typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content,
  );
  const urls = parts.flatMap((part) => (part.type === 'image_url' ? [part.image_url.url] : []));
  const [imageUrl] = urls;
  if (imageUrl === undefined || urls.length > 1) {
    throw new VlprmError('ERR_IMAGE_DECODE', `${urls.length} images in the request where one is expected`, {
      where: 'body.messages',
    });
  }
  return { text: parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'), imageUrl };
}

/** The images of requests by their bytes: the same picture comes with every solution of a problem. */
export class RequestImages {
  readonly #images = new Map<string, { ref: ImageRef; bytes: Uint8Array }>();

  /**
   * Takes in the image of a data URL; size and type are those of the bytes, whatever the URL says.
   * @param path name under which the source knows the picture
   * @throws ERR_IMAGE_DECODE
   */
  async add(url: string, path: string): Promise<ImageRef> {
    if (!DATA_URL.test(url)) {
      throw new VlprmError('ERR_IMAGE_DECODE', 'the image is not in the request as base64', { where: 'image_url' });
    }
    const bytes = Buffer.from(url.replace(DATA_URL, ''), 'base64');
    const known = this.#images.get(sha256(bytes));
    if (known !== undefined) return known.ref;
    const ref = await describeImage(bytes, path, 'image_url');
    this.#images.set(ref.sha256, { ref, bytes });
    return ref;
  }

  bytes({ sha256: hash, path }: ImageRef): Uint8Array {
    const image = this.#images.get(hash);
    if (image !== undefined) return image.bytes;
    throw new VlprmError('ERR_FILE_MISSING', 'no request holds this image', { where: path });
  }
}
