/**
 * Thread that hosts onnxruntime-node. `InferenceSession.run` blocks the thread that calls it,
 * so sessions live here and the main thread stays responsive. Imports nothing of the workspace at run time.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { parentPort, type Transferable } from 'node:worker_threads';
import type { Numbered, OnnxFailure, OnnxFeeds, OnnxOutputs, OnnxReply, OnnxRequest, OnnxTensor } from './messages.ts';

type Runtime = typeof import('onnxruntime-node');

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');

const sessions = new Map<number, InferenceSession>();
let runtime: Runtime | null = null;

async function loadRuntime(): Promise<Runtime> {
  runtime ??= await import('onnxruntime-node');
  return runtime;
}

function toRuntimeFeeds(ort: Runtime, feeds: OnnxFeeds): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data as never, dims)]),
  );
}

function toOutputs(results: InferenceSession.OnnxValueMapType): OnnxOutputs {
  return Object.fromEntries(
    Object.entries(results).map(([name, value]) => {
      const { type, dims, data } = value;
      return [name, { type, dims: [...dims], data } as OnnxTensor];
    }),
  );
}

/** Buffers that may move to the main thread instead of being copied: those that belong to one tensor alone. */
function movable(outputs: OnnxOutputs): Transferable[] {
  return Object.values(outputs)
    .filter(({ data }) => data.byteLength === data.buffer.byteLength)
    .map(({ data }) => data.buffer as ArrayBuffer);
}

async function open(session: number, model: string | Uint8Array, threads: number): Promise<OnnxReply> {
  const ort = await loadRuntime();
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  const opened =
    typeof model === 'string'
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  sessions.set(session, opened);
  return { op: 'opened', inputs: opened.inputNames, outputs: opened.outputNames };
}

async function run(session: number, feeds: OnnxFeeds, outputs: readonly string[] | null): Promise<OnnxReply> {
  const ort = await loadRuntime();
  const opened = sessions.get(session);
  if (opened === undefined) throw new Error(`session ${session} is closed`);
  const inputs = toRuntimeFeeds(ort, feeds);
  const results = outputs === null ? await opened.run(inputs) : await opened.run(inputs, outputs);
  return { op: 'outputs', outputs: toOutputs(results) };
}

async function release(session: number): Promise<OnnxReply> {
  await sessions.get(session)?.release();
  sessions.delete(session);
  return { op: 'released' };
}

async function answer(request: OnnxRequest): Promise<OnnxReply> {
  switch (request.op) {
    case 'open':
      return open(request.session, request.model, request.threads);
    case 'run':
      return run(request.session, request.feeds, request.outputs);
    case 'release':
      return release(request.session);
  }
}

function failureKind(request: OnnxRequest): OnnxFailure['kind'] {
  if (runtime === null) return 'missing-runtime';
  return request.op === 'open' ? 'open' : 'run';
}

port.on('message', ({ call, body }: Numbered<OnnxRequest>) => {
  answer(body).then(
    (reply) => {
      const transfer = reply.op === 'outputs' ? movable(reply.outputs) : [];
      port.postMessage({ call, body: reply } satisfies Numbered<OnnxReply>, transfer);
    },
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const failure: OnnxFailure = { kind: failureKind(body), message };
      port.postMessage({ call, body: { op: 'failed', failure } } satisfies Numbered<OnnxReply>);
    },
  );
});
