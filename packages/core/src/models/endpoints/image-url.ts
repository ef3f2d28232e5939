import { LRUCache } from 'lru-cache';
import { imageMime } from '../image-format.ts';
import { hashOfImage } from '../image.ts';
import { VlprmError } from '../../runtime/errors.ts';
import type { ImageSlot, JsonWithImages } from './model-service.ts';

/** Turns image bytes into what request bodies hold. Equal images give equal texts: servers cache by them. */
export interface ImageEncoder {
  /** Fills the slots of a body. ERR_IMAGE_DECODE for bytes that are not what the slot says. */
  fill(body: JsonWithImages, images: ReadonlyMap<string, Uint8Array>): unknown;
}

const DEFAULT_CACHE_BYTES = 64 * 2 ** 20;

function encode({ sha256, mime }: ImageSlot['image'], images: ReadonlyMap<string, Uint8Array>): string {
  const where = `image ${sha256}`;
  const bytes = images.get(sha256);
  if (!bytes) throw new VlprmError('ERR_INTERNAL', 'a request names an image whose bytes were not given', { where });
  const found = imageMime(bytes);
  if (found !== mime) {
    throw new VlprmError('ERR_IMAGE_DECODE', `the bytes are ${found ?? 'no PNG, JPEG or WebP'}, not ${mime}`, {
      where,
      fix: 'correct the MIME type of its record, or the file',
    });
  }
  if (hashOfImage(bytes) !== sha256) {
    throw new VlprmError('ERR_IMAGE_DECODE', 'the bytes have another hash than their record', {
      where,
      fix: 'correct the hash of its record, or the file',
    });
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const isSlot = (value: object): value is ImageSlot => 'image' in value && 'as' in value;

/** Does a body have slots for images? */
export function hasImages(value: JsonWithImages): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return isSlot(value) || Object.values(value).some((item: JsonWithImages) => hasImages(item));
}

/** Encoded images are kept up to `cacheBytes`, the least recently used ones go first. */
export function createImageEncoder(cacheBytes = DEFAULT_CACHE_BYTES): ImageEncoder {
  const encoded = new LRUCache<string, string>({
    maxSize: cacheBytes,
    sizeCalculation: (text, key) => text.length + key.length,
  });
  const base64 = (image: ImageSlot['image'], images: ReadonlyMap<string, Uint8Array>): string => {
    const key = `${image.mime} ${image.sha256}`;
    const known = encoded.get(key);
    if (known !== undefined) return known;
    const text = encode(image, images);
    encoded.set(key, text);
    return text;
  };
  const fill = (value: JsonWithImages, images: ReadonlyMap<string, Uint8Array>): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item: JsonWithImages) => fill(item, images));
    if (isSlot(value)) {
      const data = base64(value.image, images);
      return value.as === 'base64' ? data : `data:${value.image.mime};base64,${data}`;
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, images)]));
  };
  return { fill };
}
