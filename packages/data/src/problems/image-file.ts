import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { decodeImage, fetchRemoteImage, imageHash, imageMime, type RemoteImageLimits } from '@vlprm/core/models';
import type { ImageRef } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';

/** An image file: its bytes as they are on disk or came over the net, and what identifies them. */
export interface ImageFile {
  readonly ref: ImageRef;
  readonly bytes: Uint8Array;
}

/** How images are read. */
export interface ImageOrigin {
  /** What paths are relative to. Default: the working folder. */
  readonly folder?: string;
  /** Limits under which an http or https URL is fetched; null or absent: a URL is refused. */
  readonly remote?: Partial<RemoteImageLimits> | null;
  readonly signal?: AbortSignal;
}

/**
 * Describes the bytes of an image file. They are decoded once, so that a broken image is found here and not later.
 * @param path the `path` of the reference, as the record that names the image is to say it
 * @param where what the error names
 * @throws ERR_IMAGE_DECODE for bytes that are no whole PNG, JPEG or WebP image
 */
export async function describeImage(bytes: Uint8Array, path: string, where = path): Promise<ImageRef> {
  const mime = imageMime(bytes);
  if (mime === null) {
    throw new VlprmError('ERR_IMAGE_DECODE', 'the file is no PNG, JPEG or WebP image', {
      where,
      fix: 'convert it to PNG, JPEG or WebP',
    });
  }
  const { width, height } = await decodeImage(bytes, where);
  return { sha256: imageHash(bytes), mime, width, height, path };
}

/** A URL of any scheme: no path, on any platform (`C:\a.png` has one slash or none after its colon). */
const URL_FORM = /^(?:[a-z][a-z0-9+.-]*:\/\/|data:)/i;
const HTTP = /^https?:/i;

/**
 * Bytes of an image that a path or an http(s) URL names.
 * @param where what the error names
 * @throws ERR_FILE_MISSING for a path; ERR_IMAGE_FETCH for a URL that is not allowed or does not come; ERR_ABORTED
 */
export async function readImageBytes(
  path: string,
  { folder = '.', remote = null, signal }: ImageOrigin = {},
  where = path,
): Promise<Uint8Array> {
  if (URL_FORM.test(path)) {
    if (remote !== null || !HTTP.test(path)) {
      const { bytes } = await fetchRemoteImage(path, { ...remote, where, ...(signal && { signal }) });
      return bytes;
    }
    throw new VlprmError('ERR_IMAGE_FETCH', 'images are not fetched from URLs unless that is allowed', {
      where,
      fix: 'give --remote-images, or the image as a file',
    });
  }
  try {
    return await readFile(resolve(folder, path));
  } catch (cause) {
    throw new VlprmError('ERR_FILE_MISSING', `the image ${path} cannot be read`, {
      where,
      fix: 'check the path; it is relative to the file that names the image',
      cause,
    });
  }
}

/**
 * Reads an image that a path or URL names.
 * @throws ERR_FILE_MISSING, ERR_IMAGE_FETCH, ERR_IMAGE_DECODE, ERR_ABORTED
 */
export async function readImageFile(path: string, from: ImageOrigin = {}, where = path): Promise<ImageFile> {
  const bytes = await readImageBytes(path, from, where);
  return { bytes, ref: await describeImage(bytes, path, where) };
}
