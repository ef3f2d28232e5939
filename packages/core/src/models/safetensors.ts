import { z } from 'zod';
import { VlprmError } from '../runtime/errors.ts';

/** A float tensor; `data.length` is the product of `shape`. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;

const entrySchema = z.object({
  dtype: z.literal('F32'),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.record(z.string(), z.unknown());

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

/**
 * Bytes of a safetensors file of F32 tensors, in the order given: u64 header length, JSON header padded with spaces to
 * 8 bytes, then the little-endian data (https://huggingface.co/docs/safetensors).
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, FloatTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length === 0 ? {} : { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (sizeOf(shape) !== data.length) {
      throw new VlprmError(
        'ERR_INTERNAL',
        `tensor ${name} has ${data.length} values, its shape ${JSON.stringify(shape)} another number`,
      );
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + end).fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const { data } of Object.values(tensors)) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += Float32Array.BYTES_PER_ELEMENT;
    }
  }
  return bytes;
}

/** F32 tensors of a safetensors file by name. ERR_FILE_MALFORMED when it is cut short, is none, or holds another type. */
export function decodeSafetensors(bytes: Uint8Array, where = 'safetensors'): Record<string, FloatTensor> {
  const malformed = (what: string, cause?: unknown): VlprmError =>
    new VlprmError('ERR_FILE_MALFORMED', what, { where, fix: 'write the file again', cause });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = bytes.length < LENGTH_BYTES ? Infinity : Number(view.getBigUint64(0, true));
  const begin = LENGTH_BYTES + headerBytes;
  if (begin > bytes.length) throw malformed('not a safetensors file: its header is cut short');
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, begin), malformed);
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, raw]) => {
        const entry = entrySchema.safeParse(raw);
        if (!entry.success) throw malformed(`tensor ${name} is not a well-formed F32 tensor`, entry.error);
        const {
          shape,
          data_offsets: [from, to],
        } = entry.data;
        const count = sizeOf(shape);
        if (to - from !== count * 4 || begin + to > bytes.length)
          throw malformed(`the data of tensor ${name} is cut short`);
        const data = Float32Array.from({ length: count }, (_, i) => view.getFloat32(begin + from + 4 * i, true));
        return [name, { shape, data }];
      }),
  );
}

function parseHeader(
  text: Uint8Array,
  malformed: (what: string, cause?: unknown) => VlprmError,
): Record<string, unknown> {
  try {
    return headerSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text)));
  } catch (cause) {
    throw malformed('not a safetensors file: its header is no JSON object', cause);
  }
}
