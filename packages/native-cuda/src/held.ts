/**
 * What a job in the background may read while JavaScript goes on: memory that cannot be detached, and indices that cannot change
 * after the check. A reference alone keeps an array from being collected, not its buffer from being transferred away.
 */
import { markAsUntransferable } from 'node:worker_threads';

/** `transfer()` (Node 22) ignores `markAsUntransferable`. */
const DETACHES_ANYTHING = 'transfer' in ArrayBuffer.prototype;

/** Values: shared memory as it is; else marked untransferable for good where that suffices, copied where it does not. */
export function heldValues<T extends Float32Array | Uint16Array | Int8Array | Uint8Array>(array: T): T {
  if (array.buffer instanceof SharedArrayBuffer) return array;
  if (DETACHES_ANYTHING) return array.slice() as T;
  markAsUntransferable(array.buffer);
  return array;
}

/** Indices: always a copy. Bad values are only bad results, a bad index reads elsewhere. */
export function heldIndices<T extends Int32Array | null>(array: T): T {
  return (array?.slice() ?? null) as T;
}
