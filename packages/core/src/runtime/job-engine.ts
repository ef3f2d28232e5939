import { throwIfAborted, VlprmError } from './errors.ts';

/** A unit of work; `key` is a content hash, so that a job that is delivered twice has the same effect as once. */
export interface Job<Input> {
  readonly key: string;
  readonly input: Input;
}

/** What became of a job: a failure is not an output. */
export type JobResult<Output> =
  | { readonly key: string; readonly ok: true; readonly output: Output }
  | { readonly key: string; readonly ok: false; readonly error: unknown };

export interface JobOptions {
  /** Jobs in flight at once, at least 1. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** Port: runs jobs, here or on other machines. */
export interface JobEngine {
  /**
   * Yields the result of each job as it ends, in any order. Jobs are taken from the iterable as places become free.
   * When the signal fires, no further job begins and those in flight see it and are waited for: outputs that still
   * come are yielded, failures are not, then ERR_ABORTED is thrown. When the consumer stops early, the signal of
   * `work` fires and what is in flight is waited for.
   */
  run<Input, Output>(
    jobs: Iterable<Job<Input>>,
    work: (input: Input, signal: AbortSignal) => Promise<Output>,
    options: JobOptions,
  ): AsyncIterable<JobResult<Output>>;
}

async function resultOf<Input, Output>(
  { key, input }: Job<Input>,
  work: (input: Input, signal: AbortSignal) => Promise<Output>,
  signal: AbortSignal,
): Promise<JobResult<Output>> {
  try {
    return { key, ok: true, output: await work(input, signal) };
  } catch (error) {
    return { key, ok: false, error };
  }
}

async function* runInProcess<Input, Output>(
  jobs: Iterable<Job<Input>>,
  work: (input: Input, signal: AbortSignal) => Promise<Output>,
  { concurrency, signal }: JobOptions,
): AsyncGenerator<JobResult<Output>> {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new VlprmError('ERR_RANGE', `a concurrency of ${concurrency}`, { fix: 'use an integer of at least 1' });
  }
  const stop = new AbortController();
  const inner = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const queue = jobs[Symbol.iterator]();
  const inFlight = new Set<Promise<void>>();
  const ended: JobResult<Output>[] = [];
  const begin = (job: Job<Input>): void => {
    const running = resultOf(job, work, inner).then((result) => {
      ended.push(result);
      inFlight.delete(running);
    });
    inFlight.add(running);
  };
  /** Starts jobs while there is room for them; false when nothing is left to wait for. */
  const refill = (): boolean => {
    while (!signal?.aborted && inFlight.size < concurrency) {
      const next = queue.next();
      if (next.done === true) break;
      begin(next.value);
    }
    return inFlight.size > 0;
  };
  try {
    while (refill()) {
      await Promise.race(inFlight);
      for (const result of ended.splice(0)) if (result.ok || !signal?.aborted) yield result;
    }
    throwIfAborted(signal);
  } finally {
    stop.abort();
    await Promise.all(inFlight);
    queue.return?.();
  }
}

/** Runs jobs in this process, `concurrency` at a time. */
export function createInProcessEngine(): JobEngine {
  return { run: runInProcess };
}
