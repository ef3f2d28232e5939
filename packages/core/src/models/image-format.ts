import type { ImageRef } from '../records/index.ts';

/**
 * MIME type of an image by its magic bytes, null for what is no PNG, JPEG or WebP: a file's name or a server's
 * `content-type` may say anything. PNG specification 5.2; JPEG SOI and marker; RIFF container with form WEBP.
 */
export function imageMime(bytes: Uint8Array): ImageRef['mime'] | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.byteLength)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  return head.startsWith('RIFF') && head.slice(8) === 'WEBP' ? 'image/webp' : null;
}
