/** onnxruntime-node as a peer: the label columns of rows that are gathered already, and the whole vocabulary. */
import { createRequire } from 'node:module';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { Random } from '../src/conformance/random.ts';
import type { Peer } from './measure.ts';
import { productModel } from './onnxModel.ts';

interface Runtime {
  InferenceSession: { create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> };
  Tensor: new (type: 'float32', data: Float32Array, dimensions: readonly number[]) => Tensor;
}

interface Product {
  readonly threads: number;
  readonly rows: number;
  readonly width: number;
  readonly columns: number;
  /** [rows × width] of the i-th sample. */
  readonly input: (sample: number) => Float32Array;
}

function load(): Runtime | string {
  try {
    return createRequire(import.meta.url)('onnxruntime-node') as Runtime;
  } catch (error) {
    return `onnxruntime-node does not load: ${(error as Error).message.split('\n')[0] ?? ''}`;
  }
}

type Computed = { readonly runAsync: (sample: number) => Promise<void> } | { readonly unavailable: string };

async function product({ threads, rows, width, columns, input }: Product): Promise<Computed> {
  const runtime = load();
  if (typeof runtime === 'string') return { unavailable: runtime };
  const pattern = new Random(columns).normals(4096, 1 / Math.sqrt(width));
  const weights = Float32Array.from({ length: width * columns }, (_, i) => pattern[(i * 31) & 4095] as number);
  const session = await runtime.InferenceSession.create(productModel(rows, width, columns, weights), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  return {
    runAsync: async (sample) => {
      await session.run({ x: new runtime.Tensor('float32', input(sample), [rows, width]) });
    },
  };
}

/** The vocabulary of the Qwen models that PRMs are built on. */
const VOCABULARY = 151_936;
const MEASURED_VOCABULARY = 16_384;
const MEASURED_ROWS = 64;

/** Best-tuned: two columns, without softmax and aggregation. As used: every logit of every row, extrapolated. */
export async function onnxruntimePeers(work: Omit<Product, 'columns'>): Promise<Peer[]> {
  const { rows, width } = work;
  const few = (sample: number): Float32Array => work.input(sample).subarray(0, MEASURED_ROWS * width);
  return [
    {
      peer: 'onnxruntime-node, two columns of gathered rows, no softmax, no aggregates',
      tier: 'best-tuned',
      ...(await product({ ...work, columns: 2 })),
    },
    {
      peer: 'onnxruntime-node, full vocabulary',
      tier: 'as-used',
      scale: (rows / MEASURED_ROWS) * (VOCABULARY / MEASURED_VOCABULARY),
      note: `extrapolated from ${MEASURED_ROWS} rows and ${MEASURED_VOCABULARY} of ${VOCABULARY} columns`,
      samples: 9,
      ...(await product({ ...work, rows: MEASURED_ROWS, columns: MEASURED_VOCABULARY, input: few })),
    },
  ];
}
