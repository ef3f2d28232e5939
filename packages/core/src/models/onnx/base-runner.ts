import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BaseModel } from '../base-model.ts';
import { decodeImage, downsampleImage } from '../image.ts';
import type { BaseReading } from '../step-features.ts';
import { VlprmError, throwIfAborted } from '../../runtime/errors.ts';
import { OnnxWorker, type OnnxOutputs, type OnnxSession } from './session.ts';

/**
 * Rows of one run. Measured on two cores with a base of 96 × 3 layers, 13 000 texts of 65 tokens: two workers of one
 * thread and 32 rows take 6.2 s, one session of two threads 7.2 s; larger batches fall out of the cache.
 */
const BATCH_ROWS = 32;
const MOST_WORKERS = 8;

/** An image to embed: its bytes, and what to call it in an error. */
export interface ImageInput {
  readonly bytes: Uint8Array;
  readonly where: string;
}

/** One text of one image; `embedding` null hides the image (zeros). */
export interface TextInput {
  readonly embedding: Float32Array | null;
  readonly ids: Int32Array;
}

interface Sessions {
  readonly worker: OnnxWorker;
  readonly vision: OnnxSession;
  readonly decoder: OnnxSession;
}

/** Runs the two networks of a base on as many workers as there are threads, one thread each. */
export class BaseRunner {
  readonly base: BaseModel;
  readonly #pool: readonly Sessions[];

  private constructor(base: BaseModel, pool: readonly Sessions[]) {
    this.base = base;
    this.#pool = pool;
  }

  /** `threads` defaults to the cores of the machine, at most 8. */
  static async open(folder: string, base: BaseModel, threads?: number): Promise<BaseRunner> {
    const count = threads ?? Math.min(MOST_WORKERS, availableParallelism());
    if (!Number.isInteger(count) || count < 1) {
      throw new VlprmError('ERR_RANGE', `threads is ${count}`, { where: folder, fix: 'give an integer of 1 or more' });
    }
    return new BaseRunner(base, await Promise.all(Array.from({ length: count }, () => openSessions(folder))));
  }

  /** Embeddings [imageTokens × hiddenSize] of each image. ERR_IMAGE_DECODE for one that cannot be read. */
  async embed(images: readonly ImageInput[], signal?: AbortSignal): Promise<Float32Array[]> {
    const { imageTokens, hiddenSize } = this.base;
    const { width, height } = this.base.image;
    const size = imageTokens * hiddenSize;
    const embeddings: Float32Array[] = [];
    await this.#eachBatch(images, signal, async ({ vision }, batch, first) => {
      const pixels = new Float32Array(batch.length * 3 * width * height);
      const decoded = await Promise.all(batch.map(({ bytes, where }) => decodeImage(bytes, where)));
      decoded.forEach((image, row) => downsampleImage(image, width, height, pixels, row * 3 * width * height));
      const dims = [batch.length, 3, height, width];
      const outputs = await vision.run({ image: { type: 'float32', dims, data: pixels } }, { transfer: true });
      const rows = floatOutput(outputs, 'embeddings', batch.length * size);
      batch.forEach((_, row) => (embeddings[first + row] = rows.slice(row * size, (row + 1) * size)));
    });
    return embeddings;
  }

  /** Reads every text; `onReading` gets the reading of text i as soon as its batch is done, in any order. */
  async read(
    texts: readonly TextInput[],
    onReading: (text: number, reading: BaseReading) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const byLength = texts.map((_, text) => text).sort((a, b) => texts[a]!.ids.length - texts[b]!.ids.length || a - b);
    await this.#eachBatch(byLength, signal, async ({ decoder }, batch) => {
      const length = Math.max(...batch.map((text) => texts[text]!.ids.length));
      const outputs = await decoder.run(
        this.#decoderFeeds(
          batch.map((text) => texts[text]!),
          length,
        ),
        { transfer: true },
      );
      const readings = this.#readings(outputs, batch.length, length);
      batch.forEach((text, row) => onReading(text, readings[row]!));
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#pool.map(({ worker }) => worker.close()));
  }

  #decoderFeeds(texts: readonly TextInput[], length: number) {
    const { imageTokens, hiddenSize, pad } = this.base;
    const embeddings = new Float32Array(texts.length * imageTokens * hiddenSize);
    const tokens = new BigInt64Array(texts.length * length).fill(BigInt(pad));
    texts.forEach(({ embedding, ids }, row) => {
      if (embedding !== null) embeddings.set(embedding, row * imageTokens * hiddenSize);
      ids.forEach((id, at) => (tokens[row * length + at] = BigInt(id)));
    });
    return {
      embeddings: { type: 'float32', dims: [texts.length, imageTokens, hiddenSize], data: embeddings },
      tokens: { type: 'int64', dims: [texts.length, length], data: tokens },
    } as const;
  }

  #readings(outputs: OnnxOutputs, rows: number, length: number): BaseReading[] {
    const { hiddenSize } = this.base;
    const hidden = floatOutput(outputs, 'hidden', rows * length * hiddenSize);
    const logp = floatOutput(outputs, 'logp', rows * length);
    const gap = floatOutput(outputs, 'gap', rows * length);
    return Array.from({ length: rows }, (_, row) => ({
      hiddenSize,
      hidden: hidden.subarray(row * length * hiddenSize, (row + 1) * length * hiddenSize),
      logp: logp.subarray(row * length, (row + 1) * length),
      gap: gap.subarray(row * length, (row + 1) * length),
    }));
  }

  /** Each idle worker takes the next batch. */
  async #eachBatch<T>(
    items: readonly T[],
    signal: AbortSignal | undefined,
    run: (sessions: Sessions, batch: readonly T[], first: number) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    let stopped = false;
    const serve = async (sessions: Sessions): Promise<void> => {
      while (next < items.length && !stopped) {
        throwIfAborted(signal);
        const first = next;
        next += BATCH_ROWS;
        await run(sessions, items.slice(first, first + BATCH_ROWS), first);
      }
    };
    try {
      await Promise.all(this.#pool.map(serve));
    } finally {
      stopped = true;
    }
  }
}

async function openSessions(folder: string): Promise<Sessions> {
  const worker = new OnnxWorker();
  try {
    const [vision, decoder] = await Promise.all([
      worker.open(join(folder, 'vision.onnx')),
      worker.open(join(folder, 'decoder.onnx')),
    ]);
    return { worker, vision, decoder };
  } catch (error) {
    await worker.close();
    throw error;
  }
}

function floatOutput(outputs: OnnxOutputs, name: string, length: number): Float32Array {
  const tensor = outputs[name];
  if (tensor?.type === 'float32' && tensor.data.length === length) return tensor.data;
  const found = tensor === undefined ? 'is missing' : `is ${tensor.type} [${tensor.dims.join(', ')}]`;
  throw new VlprmError('ERR_MODEL_FAILED', `output ${name} of the base ${found}, not ${length} float32`, {
    fix: 'export the base again',
  });
}
