/** Arguments that no checked caller would pass: valid calls with a few fields replaced, in the worst ways that JavaScript knows. */
import { types } from 'node:util';
import { backends, type BackendName } from '../backends.ts';
import { DeviceBuffer } from '../device-buffer.ts';
import { NativeError } from '../errors.ts';
import { kindOf, type ElementArray } from '../memory.ts';
import { mcLabelsAsync } from '../ops/mcLabels.ts';
import { stepLossAsync } from '../ops/stepLoss.ts';
import { stepScoreAsync } from '../ops/stepScore.ts';
import type { Random } from './random.ts';
import { UNTYPED_OPS, type Fields, type UntypedOp } from './untypedOps.ts';

/** Thrown by the getters and traps planted here, so that nothing else can pass for them. */
class Planted extends Error {}

const CALLS: readonly UntypedOp[] = Object.values(UNTYPED_OPS);
const ASYNC_CALLS: readonly UntypedOp[] = [
  { call: stepScoreAsync as UntypedOp['call'], valid: UNTYPED_OPS.stepScore.valid },
  { call: stepLossAsync as UntypedOp['call'], valid: UNTYPED_OPS.stepLoss.valid },
  { call: mcLabelsAsync as UntypedOp['call'], valid: UNTYPED_OPS.mcLabels.valid },
];
const KINDS = [Float32Array, Float64Array, Int8Array, Int32Array, Uint8Array, Uint16Array] as const;
const NUMBERS = [
  -1,
  -0,
  0,
  1,
  2,
  3,
  5,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 + 1,
  2 ** 53,
  -(2 ** 31),
  1e308,
  5e-324,
];
const STRINGS = ['', 'f32', 'bf16', 'f16', 'min', 'max', 'mean', 'bce', 'mse', 'pqm', 'js', 'length', '3'];

/** Own properties that hide those of the engine. */
const LIES = ['length', 'byteLength', 'byteOffset', 'buffer'] as const;

type Bytes = (bytes: number, options?: { maxByteLength: number }) => ArrayBufferLike;
const newBuffer: Bytes = (bytes, options) => Reflect.construct(ArrayBuffer, [bytes, options]) as ArrayBuffer;
const newShared: Bytes = (bytes, options) =>
  Reflect.construct(SharedArrayBuffer, [bytes, options]) as SharedArrayBuffer;

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(0, list.length - 1)] as T;
}

function filled<T extends ElementArray>(random: Random, array: T): T {
  const small = random.uniform() < 0.7;
  for (let i = 0; i < array.length; i += 1) array[i] = small ? random.integer(-1, 4) : pick(random, NUMBERS);
  return array;
}

/** An array of any kind over memory of any kind, at an offset that is no multiple of a vector. */
function anyArray(random: Random, kind = pick(random, KINDS), length = random.integer(0, 16)): ElementArray {
  const bytes = kind.BYTES_PER_ELEMENT;
  const skipped = random.integer(0, 3);
  const make = random.uniform() < 0.8 ? newBuffer : newShared;
  const size = bytes * (length + skipped);
  const buffer = make(size, random.uniform() < 0.1 ? { maxByteLength: 2 * size } : undefined);
  const array = filled(random, new kind(buffer as ArrayBuffer, bytes * skipped, length));
  if (buffer instanceof ArrayBuffer && random.uniform() < 0.05) structuredClone(buffer, { transfer: [buffer] });
  return array;
}

/** Almost the array: another element, another length, another place, another kind, or one that lies about itself. */
function bent(random: Random, array: ElementArray): unknown {
  const kind = kindOf(array) as (typeof KINDS)[number];
  const copy = kind.from(Array.from({ length: array.length }, (_, i) => array[i] as number));
  switch (random.integer(0, 9)) {
    case 0:
    case 1:
    case 2:
      if (copy.length > 0) copy[random.integer(0, copy.length - 1)] = pick(random, NUMBERS);
      return copy;
    case 3:
      return anyArray(random, kind, Math.max(0, array.length + random.integer(-1, 1)));
    case 4: {
      const moved = new kind(array.length + 1).subarray(1);
      moved.set(copy);
      return moved;
    }
    case 5:
      return new (pick(random, KINDS))(array.length);
    case 6:
      return Object.defineProperty(copy, pick(random, LIES), {
        value: pick(random, [...NUMBERS, newBuffer(4)]),
      });
    case 7:
      return new Proxy(copy, random.uniform() < 0.5 ? {} : { get: throwPlanted });
    case 8:
      class Liar extends (kind as typeof Float32Array) {
        override get length(): number {
          return 2 ** 20;
        }
      }
      return new Liar(array.length);
    default:
      return buffered(random, copy);
  }
}

function throwPlanted(): never {
  throw new Planted();
}

const AVAILABLE = backends()
  .filter(({ available }) => available)
  .map(({ name }) => name);

function buffered(random: Random, array: ElementArray): DeviceBuffer {
  const buffer = DeviceBuffer.from(array, { backend: pick(random, AVAILABLE) });
  if (random.uniform() < 0.3) buffer.dispose();
  return buffer;
}

function anything(random: Random): unknown {
  switch (random.integer(0, 8)) {
    case 0:
      return pick(random, NUMBERS);
    case 1:
      return pick(random, STRINGS);
    case 2:
      return pick(random, [null, undefined, true, false, 1n, 2n ** 80n, Symbol('s'), throwPlanted, new Date(0)]);
    case 3:
      return pick(random, [
        {},
        [],
        [1, 2, 3],
        new Map(),
        Object.create(null),
        { length: 3 },
        new DataView(newBuffer(8) as ArrayBuffer),
      ]);
    case 4:
      return random.uniform() < 0.5 ? new Proxy({}, { get: throwPlanted }) : new Proxy({}, {});
    case 5:
      return { constructor: { name: Symbol('name') }, [pick(random, STRINGS)]: 1 };
    default:
      return anyArray(random);
  }
}

function isRecord(value: unknown): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !types.isProxy(value) &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}

/** An array that has not been bent yet. */
function isPlainArray(value: unknown): value is ElementArray {
  if (types.isProxy(value) || !types.isTypedArray(value)) return false;
  return Object.getPrototypeOf(value) === kindOf(value)?.prototype && !LIES.some((name) => Object.hasOwn(value, name));
}

/** The fields with one of them changed, or one inside it. */
function changed(random: Random, fields: Fields): Fields {
  const name = pick(random, [...Object.keys(fields), pick(random, STRINGS)]);
  const value = fields[name];
  if (isRecord(value) && random.uniform() < 0.7) return { ...fields, [name]: changed(random, value) };
  const replaced = isPlainArray(value) && random.uniform() < 0.6 ? bent(random, value) : anything(random);
  return { ...fields, [name]: replaced };
}

function anyInput(random: Random, valid: () => Fields): unknown {
  if (random.uniform() < 0.01) return anything(random);
  let input = valid();
  for (let changes = random.integer(0, 3); changes > 0; changes -= 1) input = changed(random, input);
  if (random.uniform() > 0.02) return input;
  return Object.defineProperty({ ...input }, pick(random, Object.keys(input)), { enumerable: true, get: throwPlanted });
}

function anyOptions(random: Random, backend: BackendName): unknown {
  if (random.uniform() < 0.01) return anything(random);
  const options: Fields = random.uniform() < 0.1 ? {} : { backend };
  if (random.uniform() < 0.1) options['threads'] = random.uniform() < 0.5 ? 2 : anything(random);
  if (random.uniform() < 0.02)
    options['signal'] = random.uniform() < 0.5 ? AbortSignal.abort(new Planted()) : anything(random);
  return options;
}

/** How many calls ended in which way. */
export interface FuzzCounts {
  accepted: number;
  refused: number;
  planted: number;
}

function judge(error: unknown, input: unknown, counts: FuzzCounts): void {
  if (error instanceof NativeError) counts.refused += 1;
  else if (error instanceof Planted) counts.planted += 1;
  else
    throw new Error(`neither a result nor a refusal: ${Object.keys(Object(input) as object).join()}`, { cause: error });
}

/**
 * Makes `cases` calls of every op in turn. Only a NativeError, or the error of a planted getter, may come out.
 * @throws Error for anything else; a crash ends the process
 */
export async function fuzz(random: Random, cases: number): Promise<FuzzCounts> {
  const counts: FuzzCounts = { accepted: 0, refused: 0, planted: 0 };
  const own = AVAILABLE.filter((name) => name !== 'cuda');
  for (let i = 0; i < cases; i += 1) {
    const asynchronous = random.uniform() < 0.05;
    const { call, valid } = pick(random, asynchronous ? ASYNC_CALLS : CALLS);
    const input = anyInput(random, valid);
    // The emulation of CUDA takes a hundred times as long.
    const options = anyOptions(random, pick(random, random.uniform() < 0.01 ? AVAILABLE : own));
    try {
      const result = call(input, options);
      if (asynchronous) await result;
      counts.accepted += 1;
    } catch (error) {
      judge(error, input, counts);
    }
  }
  return counts;
}
