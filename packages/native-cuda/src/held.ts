/**
 * What a job in the background may read while JavaScript goes on: memory that cannot be detached, and indices that cannot change
 * after the check. A reference alone keeps an array from being collected, not its buffer from being transferred away.
 */
import { markAsUntransferable } from 'node:worker_threads';
import { kindOf, type ElementArray } from './memory.ts';

/** `transfer()` (Node 22) ignores `markAsUntransferable`. */
const DETACHES_ANYTHING = 'transfer' in ArrayBuffer.prototype;

/**
 * Values: memory of a DeviceBuffer and shared memory as they are; else marked untransferable for good where that suffices, copied
 * where it does not.
 */
export function heldValues<T extends object>(values: T): T {
  const kind = kindOf(values);
  if (kind === undefined || (values as ElementArray & T).buffer instanceof SharedArrayBuffer) return values;
  if (DETACHES_ANYTHING) return new kind(values as ElementArray & T) as ElementArray & T;
  markAsUntransferable((values as ElementArray & T).buffer);
  return values;
}

/** Indices: always a copy. Bad values are only bad results, a bad index reads elsewhere. */
export function heldIndices<T extends Int32Array | null>(array: T): T {
  return (array === null ? null : new Int32Array(array)) as T;
}
