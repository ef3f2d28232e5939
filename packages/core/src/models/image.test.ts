import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage, downsampleImage, imageHash } from './image.ts';

const RAMP = Uint8Array.from({ length: 4 * 2 * 3 }, (_, i) => i * 10);

function encode(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

describe('decodeImage', () => {
  it('returns the pixels of a PNG exactly', async () => {
    const image = await decodeImage(await encode(RAMP, 4, 2));
    expect(image).toMatchObject({ width: 4, height: 2 });
    expect([...image.rgb]).toEqual([...RAMP]);
  });

  it('spreads grey over three channels and lays transparency over white', async () => {
    const grey = await sharp(Uint8Array.of(7, 200), { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect([...(await decodeImage(grey)).rgb]).toEqual([7, 7, 7, 200, 200, 200]);
    const clear = await sharp(Uint8Array.of(9, 9, 9, 0), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(clear)).rgb]).toEqual([255, 255, 255]);
  });

  it.each([
    ['text', async () => new TextEncoder().encode('not an image')],
    ['nothing', async () => new Uint8Array(0)],
    ['a PNG cut short', async () => (await encode(randomBytes(300 * 300 * 3), 300, 300)).subarray(0, 4000)],
  ])('refuses %s with ERR_IMAGE_DECODE', async (_, bytes) => {
    await expect(decodeImage(await bytes(), 'row 3')).rejects.toMatchObject({
      code: 'ERR_IMAGE_DECODE',
      where: 'row 3',
    });
  });
});

describe('downsampleImage', () => {
  it('averages whole blocks, channel first, in 0..1', async () => {
    const cells = downsampleImage({ width: 4, height: 2, rgb: RAMP }, 2, 1);
    const mean = (channel: number, pixels: number[]) =>
      pixels.reduce((sum, pixel) => sum + RAMP[3 * pixel + channel]!, 0) / pixels.length / 255;
    const expected = [0, 1, 2].flatMap((channel) => [mean(channel, [0, 1, 4, 5]), mean(channel, [2, 3, 6, 7])]);
    cells.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
  });

  it('splits a pixel between the cells that share it', () => {
    const rgb = Uint8Array.from([0, 0, 0, 90, 90, 90, 240, 240, 240]);
    const cells = downsampleImage({ width: 3, height: 1, rgb }, 2, 1);
    expect(cells[0]).toBeCloseTo((0 * 2 + 90) / 3 / 255, 6);
    expect(cells[1]).toBeCloseTo((90 + 240 * 2) / 3 / 255, 6);
  });

  it('keeps the mean of the image at any size', () => {
    const size = fc.integer({ min: 1, max: 17 });
    fc.assert(
      fc.property(size, size, size, size, fc.integer(), (width, height, toWidth, toHeight, seed) => {
        const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.abs((i * 7919 + seed) % 256));
        const cells = downsampleImage({ width, height, rgb }, toWidth, toHeight);
        for (let channel = 0; channel < 3; channel++) {
          const source = rgb.filter((_, i) => i % 3 === channel).reduce((a, b) => a + b, 0) / (width * height) / 255;
          const plane = cells.subarray(channel * toWidth * toHeight, (channel + 1) * toWidth * toHeight);
          expect(plane.reduce((a, b) => a + b, 0) / plane.length).toBeCloseTo(source, 5);
        }
      }),
    );
  });

  it('writes into a batch without touching its neighbours', () => {
    const batch = new Float32Array(9).fill(-1);
    downsampleImage({ width: 1, height: 1, rgb: Uint8Array.of(255, 0, 51) }, 1, 1, batch, 3);
    expect([...batch]).toEqual([-1, -1, -1, 1, 0, Math.fround(0.2), -1, -1, -1]);
  });
});

it('imageHash is the sha256 of the bytes', () => {
  expect(imageHash(new Uint8Array(0))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});
