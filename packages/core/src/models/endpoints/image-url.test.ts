import { describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { imageHash } from '../image.ts';
import { png, pngHash } from './fixtures/requests.ts';
import { createImageEncoder, hasImages } from './image-url.ts';
import type { WireBody } from './model-service.ts';

describe('an image encoder', () => {
  const body: WireBody = {
    url: { image: { sha256: pngHash, mime: 'image/png' }, as: 'data-url' },
    list: [{ raw: { image: { sha256: pngHash, mime: 'image/png' }, as: 'base64' } }, 'text', 1, null, true],
  };

  it('fills slots at any depth, and leaves all else as it is', () => {
    const base64 = png.toString('base64');
    expect(createImageEncoder().fill(body, new Map([[pngHash, png]]))).toEqual({
      url: `data:image/png;base64,${base64}`,
      list: [{ raw: base64 }, 'text', 1, null, true],
    });
    expect(hasImages(body)).toBe(true);
    expect(hasImages({ list: ['text', { image: 'a field of this name' }] })).toBe(false);
  });

  it('encodes an image once, whatever array its bytes stand in', () => {
    const encoder = createImageEncoder();
    const larger = Buffer.concat([Buffer.from('xx'), png, Buffer.from('yy')]);
    const first = encoder.fill(body, new Map([[pngHash, larger.subarray(2, -2)]]));
    expect(first).toEqual(createImageEncoder().fill(body, new Map([[pngHash, png]])));
    expect(encoder.fill(body, new Map())).toEqual(first);
  });

  it('forgets the least recently used images beyond its bytes', async () => {
    const images = new Map<string, Uint8Array>();
    for (const width of [1, 2, 3]) {
      const bytes = await sharp({ create: { width, height: 9, channels: 3, background: '#336699' } })
        .png()
        .toBuffer();
      images.set(imageHash(bytes), bytes);
    }
    const encoder = createImageEncoder(500);
    const fill = (sha256: string, known: ReadonlyMap<string, Uint8Array>): unknown =>
      encoder.fill({ image: { sha256, mime: 'image/png' }, as: 'base64' }, known);
    const hashes = [...images.keys()];
    for (const sha256 of hashes) fill(sha256, images);
    expect(() => fill(hashes[0]!, new Map())).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }) as Error);
    expect(fill(hashes[2]!, new Map())).toBe(Buffer.from(images.get(hashes[2]!)!).toString('base64'));
  });
});
