import { NativeError } from './errors.ts';
import type { ElementArray } from './memory.ts';

/** Lengths and indices cross into C++ as int32 or as size_t built from int32 factors. */
export const MAX_LENGTH = 2 ** 31 - 1;

interface TypedArrayConstructor<T> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly name: string;
  readonly prototype: T;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') {
    const { name } = Object(value.constructor) as { name?: unknown };
    return typeof name === 'string' ? name : 'an object';
  }
  return typeof value === 'number' ? `the number ${value}` : typeof value;
}

type Getter<T> = (value: unknown) => T;

function getter(prototype: object, name: string | symbol): Getter<unknown> {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name) as { get: (this: unknown) => unknown };
  return (value) => get.call(value);
}

/** What the engine says of an array and its buffer, whatever a subclass, a Proxy or an own property pretends. */
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typeOf = getter(TYPED_ARRAY, Symbol.toStringTag) as Getter<string | undefined>;
const bufferOf = getter(TYPED_ARRAY, 'buffer') as Getter<ArrayBufferLike>;
const byteOffsetOf = getter(TYPED_ARRAY, 'byteOffset') as Getter<number>;
const elementsOf = getter(TYPED_ARRAY, 'length') as Getter<number>;
const isResizable = getter(ArrayBuffer.prototype, 'resizable') as Getter<boolean>;
const isGrowable = getter(SharedArrayBuffer.prototype, 'growable') as Getter<boolean>;

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Resizable and growable buffers can shrink or move under a kernel that holds a pointer. */
function changesSize(buffer: ArrayBufferLike): boolean {
  return buffer instanceof SharedArrayBuffer ? isGrowable(buffer) : isResizable(buffer);
}

/** The array itself where nothing hides what it is, else a plain view of the same memory. */
function plain<T extends ElementArray>(array: T, type: TypedArrayConstructor<T>): T {
  const own = ['length', 'buffer', 'byteOffset', 'byteLength'].some((name) => Object.hasOwn(array, name));
  if (!own && Object.getPrototypeOf(array) === type.prototype) return array;
  return new type(bufferOf(array), byteOffsetOf(array), elementsOf(array));
}

/**
 * The argument as an instance of `type` over a live buffer of fixed size.
 * @throws NativeError ERR_VLPRM_TYPE, ERR_VLPRM_DETACHED, ERR_VLPRM_RESIZABLE, ERR_VLPRM_RANGE (2^31 elements or more)
 */
export function typedArray<T extends ElementArray>(value: unknown, type: TypedArrayConstructor<T>, where: string): T {
  if (typeOf(value) !== type.name) {
    throw new NativeError(
      'ERR_VLPRM_TYPE',
      where,
      `expected ${type.name}, got ${describe(value)}`,
      `pass a ${type.name}`,
    );
  }
  const buffer = bufferOf(value);
  if (elementsOf(value) === 0 && isDetached(buffer)) {
    throw new NativeError(
      'ERR_VLPRM_DETACHED',
      where,
      'its buffer was transferred away',
      'pass an array that this thread still owns',
    );
  }
  if (changesSize(buffer)) {
    throw new NativeError(
      'ERR_VLPRM_RESIZABLE',
      where,
      'its buffer can change size',
      'copy it into a fixed-size buffer with slice()',
    );
  }
  const array = plain(value as T, type);
  if (array.length > MAX_LENGTH) {
    throw new NativeError(
      'ERR_VLPRM_RANGE',
      where,
      `${array.length} elements are too many`,
      `split the batch below ${MAX_LENGTH} elements`,
    );
  }
  return array;
}

/** Like `typedArray`, but an index list in shared memory is copied, so that no other thread can change it after the check. */
export function indexArray(value: unknown, where: string): Int32Array {
  const array = typedArray(value, Int32Array, where);
  return array.buffer instanceof SharedArrayBuffer ? new Int32Array(array) : array;
}

/** A copy of an argument object, so that every field is read once and a getter cannot change its mind after the check. */
export function fields<T extends object>(value: T, where: string): T {
  object(value, where);
  return { ...value };
}

export function object(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null) {
    throw new NativeError(
      'ERR_VLPRM_TYPE',
      where,
      `expected an object, got ${describe(value)}`,
      'pass the documented fields',
    );
  }
}

export function lengthOf(array: { readonly length: number }, expected: number, where: string, because: string): void {
  if (array.length === expected) return;
  throw new NativeError(
    'ERR_VLPRM_SHAPE',
    where,
    `has ${array.length} elements, ${because} needs ${expected}`,
    'make the lengths agree',
  );
}

export function boolean(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new NativeError('ERR_VLPRM_TYPE', where, `expected a boolean, got ${describe(value)}`, 'pass true or false');
}

/** An integer in [minimum, maximum]. */
export function integer(value: unknown, minimum: number, maximum: number, where: string): number {
  if (typeof value !== 'number') {
    throw new NativeError('ERR_VLPRM_TYPE', where, `expected a number, got ${describe(value)}`, 'pass an integer');
  }
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new NativeError(
    'ERR_VLPRM_RANGE',
    where,
    `${value} is not an integer in [${minimum}, ${maximum}]`,
    'pass one that is',
  );
}

export interface NumberRange {
  readonly minimum: number;
  readonly maximum: number;
  /** Whether `minimum` itself is allowed. Default true. */
  readonly includeMinimum?: boolean;
  readonly includeMaximum?: boolean;
}

/** A finite number in the range. */
export function finite(value: unknown, range: NumberRange, where: string): number {
  if (typeof value !== 'number') {
    throw new NativeError('ERR_VLPRM_TYPE', where, `expected a number, got ${describe(value)}`, 'pass a finite number');
  }
  const { minimum, maximum, includeMinimum = true, includeMaximum = true } = range;
  const above = includeMinimum ? value >= minimum : value > minimum;
  const below = includeMaximum ? value <= maximum : value < maximum;
  if (Number.isFinite(value) && above && below) return value;
  const interval = `${includeMinimum ? '[' : '('}${minimum}, ${maximum}${includeMaximum ? ']' : ')'}`;
  throw new NativeError('ERR_VLPRM_RANGE', where, `${value} is not a finite number in ${interval}`, 'pass one that is');
}

export function oneOf<const T extends string>(value: unknown, allowed: readonly T[], where: string): T {
  const match = allowed.find((candidate) => candidate === value);
  if (match !== undefined) return match;
  const got = typeof value === 'string' ? `'${value}'` : describe(value);
  throw new NativeError('ERR_VLPRM_TYPE', where, `${got} is none of ${allowed.join(', ')}`, 'pass one of these');
}

/** Rows of a [rows × width] array held flat. */
export function rowsOf(array: { readonly length: number }, width: number, where: string): number {
  const rows = array.length / width;
  if (Number.isInteger(rows)) return rows;
  throw new NativeError(
    'ERR_VLPRM_SHAPE',
    where,
    `${array.length} elements are no whole number of rows of width ${width}`,
    'check the width',
  );
}

/** Every index lies in [0, rows). */
export function positionsWithin(positions: Int32Array, rows: number, where: string): void {
  for (let i = 0; i < positions.length; i += 1) {
    const row = positions[i] as number;
    if (row < 0 || row >= rows) {
      throw new NativeError(
        'ERR_VLPRM_POSITION',
        `${where}[${i}]`,
        `${row} is not a row of 0..${rows - 1}`,
        'point at rows that exist',
      );
    }
  }
}

/** Offsets of consecutive segments: the first is 0, none decreases, the last is `end`. Returns the segment count. */
export function segments(offsets: Int32Array, end: number, where: string): number {
  if (offsets.length === 0) {
    throw new NativeError(
      'ERR_VLPRM_SEGMENTS',
      where,
      'is empty',
      'n segments need n + 1 offsets, so pass at least [0]',
    );
  }
  if (offsets[0] !== 0) {
    throw new NativeError('ERR_VLPRM_SEGMENTS', `${where}[0]`, `is ${offsets[0]}`, 'begin with 0');
  }
  for (let i = 1; i < offsets.length; i += 1) {
    if ((offsets[i] as number) < (offsets[i - 1] as number)) {
      throw new NativeError(
        'ERR_VLPRM_SEGMENTS',
        `${where}[${i}]`,
        `${offsets[i]} is below ${offsets[i - 1]}`,
        'offsets must not decrease',
      );
    }
  }
  const last = offsets[offsets.length - 1];
  if (last !== end) {
    throw new NativeError(
      'ERR_VLPRM_SEGMENTS',
      `${where}[${offsets.length - 1}]`,
      `is ${last}, not ${end}`,
      'end with the number of elements that are segmented',
    );
  }
  return offsets.length - 1;
}

/** `written` shares no byte with any of `others`. */
export function disjoint(written: ElementArray, others: readonly ElementArray[], where: string): void {
  const end = written.byteOffset + written.byteLength;
  for (const other of others) {
    const overlaps =
      other.buffer === written.buffer &&
      other.byteOffset < end &&
      written.byteOffset < other.byteOffset + other.byteLength;
    if (overlaps) {
      throw new NativeError(
        'ERR_VLPRM_ALIAS',
        where,
        'overlaps another argument in memory',
        'give what is written its own memory',
      );
    }
  }
}
