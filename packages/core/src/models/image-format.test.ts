import { describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { imageMime } from './image-format.ts';

const pixels = { create: { width: 4, height: 4, channels: 3, background: '#336699' } } as const;

describe('imageMime', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('knows %s by its bytes', async (format) => {
    expect(imageMime(await sharp(pixels).toFormat(format).toBuffer())).toBe(`image/${format}`);
  });

  it.each([
    ['nothing', Buffer.of()],
    ['a GIF', Buffer.from('GIF89a')],
    ['sound', Buffer.from('RIFF\0\0\0\0WAVEfmt ')],
    ['the first bytes of a PNG', Buffer.from('\x89PNG', 'latin1')],
  ])('knows no type for %s', (_, bytes) => {
    expect(imageMime(bytes)).toBeNull();
  });
});
