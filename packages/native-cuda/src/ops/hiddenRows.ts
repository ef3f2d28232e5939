import { NativeError } from '../errors.ts';
import { typedArray } from '../validation.ts';

export const HIDDEN_DTYPES = ['f32', 'bf16', 'f16'] as const;
export type HiddenDtype = (typeof HIDDEN_DTYPES)[number];

/**
 * Hidden rows held flat, in the array that carries their dtype.
 * @throws NativeError ERR_VLPRM_DTYPE when array and dtype do not belong together
 */
export function hiddenRows(hidden: unknown, dtype: HiddenDtype, where: string): Float32Array | Uint16Array {
  const expected = dtype === 'f32' ? Float32Array : Uint16Array;
  const other = dtype === 'f32' ? Uint16Array : Float32Array;
  if (hidden instanceof other) {
    throw new NativeError(
      'ERR_VLPRM_DTYPE',
      where,
      `is a ${hidden.constructor.name}, dtype is ${dtype}`,
      `${dtype} is carried by a ${expected.name}`,
    );
  }
  return typedArray<Float32Array | Uint16Array>(hidden, expected, where);
}
