/** DeviceBuffers: the same contents and the same scores wherever they lie, and a lifetime that holds. */
import { describe, expect, test } from 'vitest';
import { availableBackend, backends, type BackendName } from './backends.ts';
import { Random } from './conformance/random.ts';
import { DeviceBuffer, memoryUsage } from './device-buffer.ts';
import { CUDA_OPS, type OpName } from './kernels.ts';
import type { ElementArray } from './memory.ts';
import { stepLoss } from './ops/stepLoss.ts';
import { stepScore, stepScoreAsync, type StepScoreInput } from './ops/stepScore.ts';

const WIDTH = 96;
const ROWS = 500;
const random = new Random(5);
const hidden = random.normals(ROWS * WIDTH);
const rest: Omit<StepScoreInput, 'hidden'> = {
  dtype: 'f32',
  width: WIDTH,
  positions: Int32Array.from({ length: 2000 }, () => random.integer(0, ROWS - 1)),
  labelRows: { rows: random.normals(2 * WIDTH, 0.1) },
  candidateOffsets: random.cuts(2000, 300),
};

const AVAILABLE = backends()
  .filter(({ available }) => available)
  .map(({ name }) => name);

describe.each(AVAILABLE)('%s', (backend: BackendName) => {
  test.each<ElementArray>([
    Float32Array.of(1, -0, NaN, 3),
    Float64Array.of(Math.PI),
    Int8Array.of(-1, 0, 1),
    Int32Array.of(),
    Uint8Array.of(1, 2, 3),
    new Uint16Array([9, 8, 7, 65_535, 6]).subarray(1, 4),
    new Float32Array(new SharedArrayBuffer(64)),
  ])('keeps a copy of %o', (array) => {
    using buffer = DeviceBuffer.from(array, { backend });
    const { backend: place, type, length, byteLength } = buffer;
    expect({ place, type, length, byteLength }).toEqual({
      place: backend,
      type: array.constructor.name,
      length: array.length,
      byteLength: array.byteLength,
    });
    const before = [...array];
    array.fill(42);
    expect([...buffer.toHost()]).toEqual(before);
    expect(buffer.toHost().constructor).toBe(array.constructor);
  });

  test('parts of it are overwritten and read', () => {
    using buffer = DeviceBuffer.from(Int32Array.of(1, 2, 3, 4), { backend });
    buffer.write(Int32Array.of(8, 9), 2);
    buffer.write(Int32Array.of(7));
    expect([...buffer.toHost()]).toEqual([7, 2, 8, 9]);
    const part = new Int32Array(2);
    buffer.read(part, 1);
    expect([...part]).toEqual([2, 8]);
    expect(() => buffer.read(part, 3)).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_RANGE' }));
    expect(() => buffer.read(new Int32Array(5))).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_SHAPE' }));
  });

  test('an op computes where its data lie, and what it computes does not change', async () => {
    using buffer = DeviceBuffer.from(hidden, { backend });
    const expected = stepScore({ ...rest, hidden }, { backend });
    expect(stepScore({ ...rest, hidden: buffer })).toEqual(expected);
    expect(await stepScoreAsync({ ...rest, hidden: buffer })).toEqual(expected);
    buffer.write(hidden.map((x) => -x));
    expect(stepScore({ ...rest, hidden: buffer })).toEqual(
      stepScore({ ...rest, hidden: hidden.map((x) => -x) }, { backend }),
    );
  });

  test('features stay there across epochs', (context) => {
    if (backend === 'cuda' && !(CUDA_OPS as readonly OpName[]).includes('stepLoss')) {
      return context.skip('needs stepLoss on cuda: the module has none');
    }
    using features = DeviceBuffer.from(hidden, { backend });
    const input = {
      width: WIDTH,
      targets: new Float32Array(ROWS).fill(1),
      weights: new Float32Array(ROWS).fill(1),
      head: { inputSize: WIDTH, hiddenSize: 0, parameters: random.normals(WIDTH + 1, 0.1) },
      loss: 'bce' as const,
    };
    const expected = stepLoss({ ...input, features: hidden }, { backend });
    for (let epoch = 0; epoch < 3; epoch += 1) expect(stepLoss({ ...input, features })).toEqual(expected);
  });

  test('disposed of while a job reads it, it stays until the job ends', async () => {
    const rows = 20_000;
    const many = new Float32Array(rows * WIDTH).fill(0.25);
    const input = { dtype: 'f32' as const, width: WIDTH, labelRows: rest.labelRows };
    const expected = stepScore({ ...input, hidden: many }, { backend });
    const before = memoryUsage();
    const jobs = Array.from({ length: 4 }, () => {
      using buffer = DeviceBuffer.from(many, { backend });
      return stepScoreAsync({ ...input, hidden: buffer });
    });
    for (const output of await Promise.all(jobs)) expect(output).toEqual(expected);
    await new Promise(setImmediate);
    expect(memoryUsage()).toEqual(before);
  });

  test('after dispose() every use is refused, another dispose() is not', () => {
    const buffer = DeviceBuffer.from(hidden, { backend });
    buffer.dispose();
    buffer.dispose();
    expect(buffer.disposed).toBe(true);
    const refused = (where: string) => expect.objectContaining({ code: 'ERR_VLPRM_DISPOSED', where }) as Error;
    expect(() => buffer.toHost()).toThrow(refused('DeviceBuffer.toHost'));
    expect(() => buffer.write(hidden)).toThrow(refused('DeviceBuffer.write'));
    expect(() => stepScore({ ...rest, hidden: buffer })).toThrow(refused('stepScore.hidden'));
  });

  test('another backend than its own is refused', () => {
    using buffer = DeviceBuffer.from(hidden, { backend });
    for (const other of AVAILABLE.filter((name) => name !== backend)) {
      expect(() => stepScore({ ...rest, hidden: buffer }, { backend: other })).toThrow(
        expect.objectContaining({ code: 'ERR_VLPRM_PLACE', where: 'stepScore.options.backend' }),
      );
    }
  });

  test('its bytes are counted until it is disposed of', () => {
    const before = memoryUsage();
    const buffer = DeviceBuffer.from(hidden, { backend });
    const during = memoryUsage();
    buffer.dispose();
    const bytes = (place: BackendName) => (place === backend ? hidden.byteLength : 0);
    expect({ cpu: during.cpuBytes - before.cpuBytes, cuda: during.cudaBytes - before.cudaBytes }).toEqual({
      cpu: bytes('cpu'),
      cuda: bytes('cuda'),
    });
    expect(memoryUsage()).toEqual(before);
  });

  test('more memory than there is: a code, and nothing is counted', (context) => {
    if (backend === 'js') return context.skip('its buffers are arrays, which the caller has made before: no such case');
    const before = memoryUsage();
    const { allocate } = availableBackend(backend);
    const huge = { byteLength: 2 ** 50, BYTES_PER_ELEMENT: 4 } as Float32Array;
    expect(() => allocate(huge)).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_OOM' }));
    expect(memoryUsage()).toEqual(before);
  });
});

describe('refused', () => {
  const from = (array: unknown, options: unknown) => DeviceBuffer.from(array as Float32Array, options as object);

  test.each([
    [[1, 2, 3], {}, 'ERR_VLPRM_TYPE', 'DeviceBuffer'],
    [new Proxy(new Float32Array(2), {}), {}, 'ERR_VLPRM_TYPE', 'DeviceBuffer'],
    [new BigInt64Array(2), {}, 'ERR_VLPRM_TYPE', 'DeviceBuffer'],
    [new Float32Array(2), null, 'ERR_VLPRM_TYPE', 'DeviceBuffer.options'],
    [new Float32Array(2), { backend: 'tpu' }, 'ERR_VLPRM_TYPE', 'DeviceBuffer.options.backend'],
  ])('to hold %o with %o', (array, options, code, where) => {
    expect(() => from(array, options)).toThrow(expect.objectContaining({ code, where }));
  });

  test.each<[unknown, unknown, string, string]>([
    [new Uint16Array(1), 0, 'ERR_VLPRM_TYPE', 'DeviceBuffer.write'],
    [new Float32Array(5), 0, 'ERR_VLPRM_SHAPE', 'DeviceBuffer.write'],
    [new Float32Array(3), 2, 'ERR_VLPRM_RANGE', 'DeviceBuffer.write.offset'],
    [new Float32Array(1), -1, 'ERR_VLPRM_RANGE', 'DeviceBuffer.write.offset'],
  ])('to write %o at %o', (array, offset, code, where) => {
    using buffer = DeviceBuffer.from<Float32Array>(new Float32Array(4));
    expect(() => buffer.write(array as Float32Array, offset as number)).toThrow(
      expect.objectContaining({ code, where }),
    );
  });

  test('as rows of another dtype than it holds', () => {
    const score = stepScore as (input: unknown) => unknown;
    for (const array of [new Uint16Array(96), new Float64Array(96)]) {
      using buffer = DeviceBuffer.from(array);
      expect(() => score({ ...rest, hidden: buffer })).toThrow(
        expect.objectContaining({ code: 'ERR_VLPRM_DTYPE', where: 'stepScore.hidden' }),
      );
    }
  });
});
