import { activeBackend, availableBackend, BACKEND_NAMES, type BackendName } from './backends.ts';
import { NativeError } from './errors.ts';
import { kindOf, type Block, type ElementArray, type ElementArrayConstructor, type MemoryUsage } from './memory.ts';
import { nativeBackends } from './loader.ts';
import { integer, object, oneOf, typedArray } from './validation.ts';

export interface DeviceBufferOptions {
  /** Whose memory, and so where the ops that read it compute. Default: `activeBackend()`. */
  backend?: BackendName | undefined;
}

const WHERE = 'DeviceBuffer';

function disposed(where: string): NativeError {
  return new NativeError('ERR_VLPRM_DISPOSED', where, 'was disposed', 'use a buffer while it lives');
}

function elements(value: unknown, where: string): ElementArray {
  const kind = kindOf(value) ?? Float32Array;
  return typedArray<ElementArray>(value, kind, where);
}

let residentOf: (buffer: DeviceBuffer, where: string) => object;

/**
 * An array in the memory of a backend. Features stay there across calls: on the device for cuda, in memory that no transfer can take
 * away for cpu. An op that is given one computes where it lies.
 *
 * `dispose()` (or `using`) frees it; a job that still uses it keeps its memory until it ends. The garbage collector frees what was
 * forgotten, late.
 */
export class DeviceBuffer<T extends ElementArray = ElementArray> {
  readonly backend: BackendName;
  /** In elements. */
  readonly length: number;
  readonly byteLength: number;
  readonly #kind: ElementArrayConstructor;
  #block: Block | null;

  private constructor(backend: BackendName, kind: ElementArrayConstructor, array: T, block: Block) {
    this.backend = backend;
    this.length = array.length;
    this.byteLength = array.byteLength;
    this.#kind = kind;
    this.#block = block;
  }

  /**
   * A copy of the array.
   * @throws NativeError ERR_VLPRM_OOM, ERR_VLPRM_BACKEND_UNAVAILABLE, and what a bad array raises
   */
  static from<T extends ElementArray>(array: T, options: DeviceBufferOptions = {}): DeviceBuffer<T> {
    object(options, `${WHERE}.options`);
    const given = elements(array, WHERE) as T;
    const name = options.backend ?? activeBackend();
    const backend = availableBackend(oneOf(name, BACKEND_NAMES, `${WHERE}.options.backend`));
    const block = backend.allocate(given);
    block.write(given, 0);
    return new DeviceBuffer(backend.name, kindOf(given) as ElementArrayConstructor, given, block);
  }

  /** Name of the constructor of the array that it holds, such as 'Float32Array'. */
  get type(): string {
    return this.#kind.name;
  }

  get disposed(): boolean {
    return this.#block === null;
  }

  #live(where: string): Block {
    if (this.#block === null) throw disposed(where);
    return this.#block;
  }

  /** A copy in ordinary memory. */
  toHost(): T {
    const array = new this.#kind(this.length);
    this.#live(`${WHERE}.toHost`).read(array, 0);
    return array as T;
  }

  /** Fills `into` with elements from `offset` on. */
  read(into: T, offset = 0): void {
    const where = `${WHERE}.read`;
    const block = this.#live(where);
    const given = typedArray<ElementArray>(into, this.#kind, where);
    block.read(given, this.#within(given, offset, where));
  }

  #within({ length }: ElementArray, offset: number, where: string): number {
    if (length <= this.length) return integer(offset, 0, this.length - length, `${where}.offset`);
    throw new NativeError('ERR_VLPRM_SHAPE', where, `${length} elements for ${this.length}`, 'pass a part');
  }

  /** Overwrites `array.length` elements from `offset` on. A job that reads them meanwhile may see either. */
  write(array: T, offset = 0): void {
    const where = `${WHERE}.write`;
    const block = this.#live(where);
    const given = typedArray<ElementArray>(array, this.#kind, where);
    block.write(given, this.#within(given, offset, where));
  }

  /** Frees the memory; a second time does nothing. */
  dispose(): void {
    this.#block?.release();
    this.#block = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  static {
    residentOf = (buffer, where) => buffer.#live(where).resident;
  }
}

/** What the kernels of the buffer's backend take in place of the array. */
export function resident(buffer: DeviceBuffer, where: string): object {
  return residentOf(buffer, where);
}

/** @throws NativeError ERR_VLPRM_DISPOSED */
export function liveBuffer<Buffer extends DeviceBuffer>(buffer: Buffer, where: string): Buffer {
  residentOf(buffer, where);
  return buffer;
}

/** Bytes in DeviceBuffers of cpu and cuda, and how many there are: of all threads of the process. */
export function memoryUsage(): MemoryUsage {
  return nativeBackends().memoryUsage();
}
