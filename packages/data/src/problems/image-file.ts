import { readFile } from 'node:fs/promises';
import { decodeImage, imageHash } from '@vlprm/core/models';
import type { ImageRef } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';

/** An image file: its bytes as they are on disk, and what identifies them. */
export interface ImageFile {
  readonly ref: ImageRef;
  readonly bytes: Uint8Array;
}

/** MIME type by the magic bytes: https://www.iana.org/assignments/media-types, RFC 2083, JFIF, RIFF/WebP. */
function sniffMime(bytes: Uint8Array): ImageRef['mime'] | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.byteLength));
  if (head.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))) return 'image/png';
  if (head.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return 'image/jpeg';
  const riff = head.toString('latin1');
  return riff.startsWith('RIFF') && riff.slice(8) === 'WEBP' ? 'image/webp' : null;
}

/**
 * Describes the bytes of an image file. They are decoded once, so that a broken image is found here and not later.
 * @param path the `path` of the reference, as the record that names the image is to say it
 * @param where what the error names
 * @throws ERR_IMAGE_DECODE for bytes that are no whole PNG, JPEG or WebP image
 */
export async function describeImage(bytes: Uint8Array, path: string, where = path): Promise<ImageRef> {
  const mime = sniffMime(bytes);
  if (mime === null) {
    throw new VlprmError('ERR_IMAGE_DECODE', 'the file is no PNG, JPEG or WebP image', {
      where,
      fix: 'convert it to PNG, JPEG or WebP',
    });
  }
  const { width, height } = await decodeImage(bytes, where);
  return { sha256: imageHash(bytes), mime, width, height, path };
}

/**
 * Reads an image file.
 * @throws ERR_FILE_MISSING, ERR_IMAGE_DECODE
 */
export async function readImageFile(file: string, { path = file, where = file } = {}): Promise<ImageFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new VlprmError('ERR_FILE_MISSING', `the image ${file} cannot be read`, {
      where,
      fix: 'check the path; it is relative to the file that names the image',
      cause,
    });
  }
  return { bytes, ref: await describeImage(bytes, path, where) };
}
