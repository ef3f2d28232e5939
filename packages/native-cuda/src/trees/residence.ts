/** Trees in the memory of a device, where they stay from wave to wave. */
import { DeviceBuffer } from '../device-buffer.ts';
import type { TreeStorage } from './storage.ts';

/** The device has the trees; the arrays in host memory are a copy of them. */
export interface Residence {
  readonly buffer: DeviceBuffer<Uint8Array>;
  /** Whether the copy is older than the device, sizes apart: those are always up to date. */
  stale: boolean;
}

/** Moves the trees to the device; no effect on trees that are there. */
export function moveToDevice(storage: TreeStorage): void {
  storage.residence ??= { buffer: DeviceBuffer.from(storage.memory, { backend: 'cuda' }), stale: false };
}

/** Brings the copy in host memory up to date. */
export function refresh(storage: TreeStorage): TreeStorage {
  const { residence } = storage;
  if (residence?.stale === true) {
    residence.buffer.read(storage.memory);
    residence.stale = false;
  }
  return storage;
}

export function moveToHost(storage: TreeStorage): void {
  refresh(storage);
  storage.residence?.buffer.dispose();
  storage.residence = null;
}

/** Writes what changed in host memory to the device. */
export function publish({ residence, memory }: TreeStorage): void {
  residence?.buffer.write(memory);
}

/** What ops compute on. */
export function memoryOf({ residence, memory }: TreeStorage): Uint8Array | DeviceBuffer<Uint8Array> {
  return residence === null ? memory : residence.buffer;
}

/** Notes that an op may have changed the trees where they lie. */
export function touch(storage: TreeStorage): void {
  if (storage.residence !== null) storage.residence.stale = true;
}

/** The same for one that may have added nodes. */
export function touchSizes(storage: TreeStorage): void {
  touch(storage);
  const { buffer, byteOffset, byteLength } = storage.size;
  storage.residence?.buffer.read(new Uint8Array(buffer, byteOffset, byteLength), byteOffset);
}
