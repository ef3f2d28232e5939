import { DeviceBuffer, liveBuffer } from '../device-buffer.ts';
import { NativeError } from '../errors.ts';
import { kindOf } from '../memory.ts';
import { typedArray } from '../validation.ts';

export const HIDDEN_DTYPES = ['f32', 'bf16', 'f16'] as const;
export type HiddenDtype = (typeof HIDDEN_DTYPES)[number];

/** Rows on the host, or where a backend keeps them. */
export type HiddenRows = HostRows | DeviceBuffer<Float32Array> | DeviceBuffer<Uint16Array>;
/** What the kernels of js see: dispatch puts the memory of a DeviceBuffer in its place. */
export type HostRows = Float32Array | Uint16Array;

const ELEMENT_BYTES: Readonly<Record<HiddenDtype, number>> = { f32: 4, bf16: 2, f16: 2 };

/** Cost of one row, in bytes that are read: of the row itself, or of a two-layer head's products where they take longer. */
export function rowCost(dtype: HiddenDtype, width: number, hiddenSize: number): number {
  return width * Math.max(ELEMENT_BYTES[dtype], hiddenSize / 2);
}

/**
 * Hidden rows held flat, in the array that carries their dtype, or in a DeviceBuffer of such an array.
 * @throws NativeError ERR_VLPRM_DTYPE when array and dtype do not belong together, ERR_VLPRM_DISPOSED
 */
export function hiddenRows(hidden: unknown, dtype: HiddenDtype, where: string): HiddenRows {
  const expected = dtype === 'f32' ? Float32Array : Uint16Array;
  const other = dtype === 'f32' ? Uint16Array : Float32Array;
  const type = hidden instanceof DeviceBuffer ? hidden.type : kindOf(hidden)?.name;
  if (type === other.name || (hidden instanceof DeviceBuffer && type !== expected.name)) {
    throw new NativeError(
      'ERR_VLPRM_DTYPE',
      where,
      `is a ${type}, dtype is ${dtype}`,
      `${dtype} is carried by a ${expected.name}`,
    );
  }
  if (hidden instanceof DeviceBuffer) return liveBuffer(hidden, where) as HiddenRows;
  return typedArray<Float32Array | Uint16Array>(hidden, expected, where);
}
