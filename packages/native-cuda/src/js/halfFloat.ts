/** f32 value of every 16-bit pattern, built once per dtype. */
const tables = new Map<'bf16' | 'f16', Float32Array>();

function bf16Table(): Float32Array {
  const bits = new Uint32Array(65_536);
  for (let i = 0; i < 65_536; i += 1) bits[i] = i << 16;
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
function f16Value(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Table of the f32 values of all 65,536 patterns of a 16-bit dtype. */
export function halfFloatTable(dtype: 'bf16' | 'f16'): Float32Array {
  const existing = tables.get(dtype);
  if (existing !== undefined) return existing;
  const table =
    dtype === 'bf16' ? bf16Table() : Float32Array.from({ length: 65_536 }, (_, pattern) => f16Value(pattern));
  tables.set(dtype, table);
  return table;
}

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** Bits of the bf16 number nearest to the value's f32, ties to even; NaN stays NaN. */
export function bf16Bits(value: number): number {
  word[0] = value;
  const bits = wordBits[0] as number;
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
