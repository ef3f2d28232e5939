import { Worker, type Transferable } from 'node:worker_threads';
import { VlprmError } from '../../runtime/errors.ts';
import type { Numbered, OnnxFailure, OnnxFeeds, OnnxOutputs, OnnxReply, OnnxRequest } from './messages.ts';

export type { OnnxElement, OnnxFeeds, OnnxOutputs, OnnxTensor } from './messages.ts';

export interface OpenOnnxOptions {
  /** Threads of this session inside ONNX Runtime, at least 1; default 1. */
  readonly threads?: number;
}

export interface RunOnnxOptions {
  /** Names of the outputs to fetch; default all. */
  readonly outputs?: readonly string[];
  /** Hand the memory of the feeds over instead of copying it; the caller's arrays are empty afterwards. */
  readonly transfer?: boolean;
}

/** A loaded model. Runs of one session are answered in order. */
export interface OnnxSession {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Throws ERR_MODEL_FAILED when the runtime refuses the feeds. */
  run(feeds: OnnxFeeds, options?: RunOnnxOptions): Promise<OnnxOutputs>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (reply: OnnxReply) => void;
  readonly reject: (error: unknown) => void;
  readonly where: string;
}

const INSTALL = 'install it beside vlprm: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node';

function failureToError(failure: OnnxFailure, where: string): VlprmError {
  switch (failure.kind) {
    case 'missing-runtime':
      return new VlprmError('ERR_BACKEND_UNAVAILABLE', `onnxruntime-node cannot be loaded (${failure.message})`, {
        where,
        fix: INSTALL,
      });
    case 'open':
      return new VlprmError('ERR_MODEL_FAILED', `the ONNX model cannot be opened (${failure.message})`, {
        where,
        fix: 'check that the file is a whole ONNX model',
      });
    case 'run':
      return new VlprmError('ERR_MODEL_FAILED', `the ONNX model cannot be run (${failure.message})`, {
        where,
        fix: 'check the names, types and dims of its inputs',
      });
  }
}

/**
 * From dist the worker is plain JavaScript; from source it is TypeScript, behind an entry that tsx can start from.
 * Flags of the process are not handed on: some, such as `--input-type`, end a thread at once.
 */
function startThread(): Worker {
  const entry = import.meta.url.endsWith('.ts') ? './source-worker.mjs' : './worker.js';
  return new Worker(new URL(entry, import.meta.url), { execArgv: [] });
}

function ownBuffers(feeds: OnnxFeeds): Transferable[] {
  return Object.values(feeds).map(({ data }) => data.buffer as ArrayBuffer);
}

/**
 * A worker thread that hosts ONNX Runtime sessions. An idle worker does not keep the process alive.
 * Several sessions may share one worker; their runs then take turns.
 */
export class OnnxWorker {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #sessions = 0;
  #ended: Error | null = null;

  constructor() {
    this.#thread = startThread();
    this.#thread.unref();
    this.#thread.on('message', ({ call, body }: Numbered<OnnxReply>) => this.#settle(call, body));
    this.#thread.on('error', (error: Error) => this.#end(error));
    this.#thread.on('exit', (code) => this.#end(new Error(`the ONNX worker ended with exit code ${code}`)));
  }

  /**
   * Loads a model from a file path or from its bytes.
   * Throws ERR_BACKEND_UNAVAILABLE without onnxruntime-node, ERR_MODEL_FAILED for an unreadable model.
   */
  async open(model: string | Uint8Array, { threads = 1 }: OpenOnnxOptions = {}): Promise<OnnxSession> {
    if (!Number.isInteger(threads) || threads < 1) {
      throw new VlprmError('ERR_RANGE', `threads is ${threads}`, {
        where: 'openOnnx',
        fix: 'give an integer of 1 or more',
      });
    }
    const session = this.#sessions++;
    const where = typeof model === 'string' ? model : `model of ${model.byteLength} bytes`;
    const reply = await this.#call({ op: 'open', session, model, threads }, where);
    if (reply.op !== 'opened') throw new VlprmError('ERR_INTERNAL', `the ONNX worker answered ${reply.op} to open`);
    return {
      inputs: reply.inputs,
      outputs: reply.outputs,
      run: (feeds, options) => this.#run(session, where, feeds, options),
      close: async () => {
        await this.#call({ op: 'release', session }, where);
      },
    };
  }

  /** Ends the thread; runs that are still waiting fail with ERR_MODEL_FAILED. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  async #run(session: number, where: string, feeds: OnnxFeeds, options: RunOnnxOptions = {}): Promise<OnnxOutputs> {
    const request: OnnxRequest = { op: 'run', session, feeds, outputs: options.outputs ?? null };
    const reply = await this.#call(request, where, options.transfer === true ? ownBuffers(feeds) : []);
    if (reply.op !== 'outputs') throw new VlprmError('ERR_INTERNAL', `the ONNX worker answered ${reply.op} to run`);
    return reply.outputs;
  }

  #call(body: OnnxRequest, where: string, transfer: Transferable[] = []): Promise<OnnxReply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) {
        reject(this.#endedError(where, this.#ended));
        return;
      }
      const call = this.#calls++;
      this.#thread.postMessage({ call, body } satisfies Numbered<OnnxRequest>, transfer);
      this.#waiting.set(call, { resolve, reject, where });
      this.#thread.ref();
    });
  }

  #settle(call: number, reply: OnnxReply): void {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined) return;
    this.#waiting.delete(call);
    if (this.#waiting.size === 0) this.#thread.unref();
    if (reply.op === 'failed') waiting.reject(failureToError(reply.failure, waiting.where));
    else waiting.resolve(reply);
  }

  #end(cause: Error): void {
    this.#ended ??= cause;
    for (const { reject, where } of this.#waiting.values()) reject(this.#endedError(where, this.#ended));
    this.#waiting.clear();
  }

  #endedError(where: string, cause: Error): VlprmError {
    return new VlprmError('ERR_MODEL_FAILED', `the ONNX worker is closed (${cause.message})`, {
      where,
      fix: 'open the model again',
      cause,
    });
  }
}

/** Opens a model in a worker of its own; closing the session ends the worker. */
export async function openOnnx(model: string | Uint8Array, options: OpenOnnxOptions = {}): Promise<OnnxSession> {
  const worker = new OnnxWorker();
  try {
    const session = await worker.open(model, options);
    return { ...session, close: () => worker.close() };
  } catch (error) {
    await worker.close();
    throw error;
  }
}
