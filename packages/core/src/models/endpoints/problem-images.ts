import { VlprmError } from '../../runtime/errors.ts';
import { imageMime } from '../image-format.ts';
import { hashOfImage } from '../image.ts';
import type { PresentedProblem } from '../ports.ts';
import type { ChatPart } from './chat.ts';

/** The images of a problem as a chat names them, and their bytes as a call brings them along. */
export interface ProblemImages {
  /** In the order of the problem. */
  readonly parts: readonly (ChatPart & { readonly type: 'image' })[];
  /** By sha256. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

/** Images by content: hash and MIME type come from the bytes. ERR_IMAGE_DECODE for what is no PNG, JPEG or WebP. */
export function problemImages({ problem, images }: PresentedProblem): ProblemImages {
  const parts = images.map((bytes, index) => {
    const mime = imageMime(bytes);
    if (mime === null) {
      throw new VlprmError('ERR_IMAGE_DECODE', 'the bytes are no PNG, JPEG or WebP', {
        where: `image ${index} of problem ${problem.id}`,
        fix: 'give the image in one of these formats',
      });
    }
    return { type: 'image' as const, sha256: hashOfImage(bytes), mime };
  });
  return { parts, bytes: new Map(parts.map(({ sha256 }, index) => [sha256, images[index]!])) };
}
