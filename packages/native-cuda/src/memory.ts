/** Where a backend keeps the contents of DeviceBuffers. */

const KINDS = [Float32Array, Float64Array, Int8Array, Int32Array, Uint8Array, Uint16Array] as const;

/** Arrays that a DeviceBuffer can hold. */
export type ElementArray = Float32Array | Float64Array | Int8Array | Int32Array | Uint8Array | Uint16Array;
export type ElementArrayConstructor = (typeof KINDS)[number];

/** The plain constructor of an array; undefined for what is none. */
export function kindOf(value: unknown): ElementArrayConstructor | undefined {
  return KINDS.find((kind) => value instanceof kind);
}

/** Memory for one array, in one backend. Positions are elements. */
export interface Block {
  /** What the kernels of the backend take in place of the array. */
  readonly resident: object;
  read(into: ElementArray, from: number): void;
  write(array: ElementArray, at: number): void;
  /** Frees it when the last job that uses it has ended. Nothing may be called after it. */
  release(): void;
}

/** Makes a block as large as the array; its contents are undefined. */
export type Allocate = (array: ElementArray) => Block;

/** Bytes that DeviceBuffers hold in this process, in all threads, those of js excepted: they are ordinary arrays. */
export interface MemoryUsage {
  cpuBytes: number;
  cudaBytes: number;
  /** Buffers that are neither disposed nor collected. */
  buffers: number;
}

export const allocateJs: Allocate = (array) => {
  const resident = new (array.constructor as ElementArrayConstructor)(array.length);
  return {
    resident,
    read: (into, from) => into.set(resident.subarray(from, from + into.length)),
    write: (given, at) => resident.set(given, at),
    release: () => undefined,
  };
};
