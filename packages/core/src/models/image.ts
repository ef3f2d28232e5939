import { sha256 } from '../runtime/content-hash.ts';
import { VlprmError } from '../runtime/errors.ts';

/** Pixels of a decoded image: 8-bit RGB, row-major, `rgb.length = width * height * 3`. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Lower-case hex sha256 of the bytes of an image file. */
export function imageHash(bytes: Uint8Array): string {
  return sha256(bytes);
}

const hashes = new WeakMap<Uint8Array, string>();

/** As `imageHash`, reckoned once for each array: for bytes that nobody changes. */
export function hashOfImage(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? imageHash(bytes);
  hashes.set(bytes, hash);
  return hash;
}

/**
 * Decodes PNG, JPEG or WebP bytes to sRGB; transparency is laid over white, EXIF orientation is applied.
 * A truncated or unreadable image is ERR_IMAGE_DECODE; `where` names it in the error.
 */
export async function decodeImage(bytes: Uint8Array, where = 'image'): Promise<DecodedImage> {
  const { default: sharp } = await import('sharp');
  try {
    const { data, info } = await sharp(bytes, { failOn: 'warning', sequentialRead: true })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, rgb: toRgb(data, info.channels) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlprmError('ERR_IMAGE_DECODE', `the image cannot be decoded (${reason})`, {
      where,
      fix: 'give a whole PNG, JPEG or WebP file',
      cause,
    });
  }
}

/** Grey pixels (1 channel) become three equal channels. */
function toRgb(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return pixels;
  const rgb = new Uint8Array((pixels.length / channels) * 3);
  for (let from = 0, to = 0; from < pixels.length; from += channels, to += 3) rgb.fill(pixels[from]!, to, to + 3);
  return rgb;
}

interface Overlap {
  readonly first: number;
  /** Share of each source pixel from `first` on; the shares sum to 1. */
  readonly shares: readonly number[];
}

/** Source pixels that each of `to` equal cells covers along one axis of `from` pixels. */
function overlaps(from: number, to: number): Overlap[] {
  const cell = from / to;
  return Array.from({ length: to }, (_, index) => {
    const start = (index * from) / to;
    const end = ((index + 1) * from) / to;
    const first = Math.floor(start);
    const last = Math.min(from, Math.ceil(end)) - 1;
    const shares: number[] = [];
    for (let pixel = first; pixel <= last; pixel++) {
      shares.push((Math.min(end, pixel + 1) - Math.max(start, pixel)) / cell);
    }
    return { first, shares };
  });
}

/**
 * Area average of the image on a grid of `width` × `height`: f32 [3, height, width] (channel first) in 0..1.
 * Each cell is the mean of the source area that it covers, with fractional coverage at its border.
 * Writes into `out` from `offset` when given, so that a batch can be filled in place.
 */
export function downsampleImage(
  image: DecodedImage,
  width: number,
  height: number,
  out: Float32Array = new Float32Array(3 * width * height),
  offset = 0,
): Float32Array {
  const columns = overlaps(image.width, width);
  const rows = overlaps(image.height, height);
  const plane = width * height;
  const line = new Float64Array(width * 3);
  for (let y = 0; y < height; y++) {
    averageRows(image, columns, rows[y]!, line);
    for (let x = 0; x < width; x++) {
      const at = offset + y * width + x;
      out[at] = line[3 * x]! / 255;
      out[at + plane] = line[3 * x + 1]! / 255;
      out[at + 2 * plane] = line[3 * x + 2]! / 255;
    }
  }
  return out;
}

/** Fills `line` (interleaved RGB) with one row of cells. */
function averageRows(image: DecodedImage, columns: readonly Overlap[], row: Overlap, line: Float64Array): void {
  line.fill(0);
  for (let dy = 0; dy < row.shares.length; dy++) {
    const start = (row.first + dy) * image.width;
    for (let x = 0; x < columns.length; x++) {
      const { first, shares } = columns[x]!;
      for (let dx = 0; dx < shares.length; dx++) {
        const share = row.shares[dy]! * shares[dx]!;
        const from = (start + first + dx) * 3;
        line[3 * x]! += share * image.rgb[from]!;
        line[3 * x + 1]! += share * image.rgb[from + 1]!;
        line[3 * x + 2]! += share * image.rgb[from + 2]!;
      }
    }
  }
}
