import { setMaxListeners } from 'node:events';
import { throwIfAborted, VlprmError } from './errors.ts';
import { onAbort } from './flow/abort.ts';

/** A unit of work; `key` is a content hash, so that a job that is delivered twice has the same effect as once. */
export interface Job<Input> {
  readonly key: string;
  readonly input: Input;
}

/** Where jobs come from; an asynchronous one may read them from a file as they are needed. */
export type JobSource<Input> = Iterable<Job<Input>> | AsyncIterable<Job<Input>>;

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
   * Yields the result of each job as it ends, in any order. Jobs are taken from the source as places become free.
   * When the signal fires, no further job begins and those in flight see it and are waited for: outputs that still
   * come are yielded, failures are not, then ERR_ABORTED is thrown. When the consumer stops early or the source throws,
   * the signal of `work` fires and what is in flight is waited for.
   */
  run<Input, Output>(
    jobs: JobSource<Input>,
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

/** The jobs of a source, begun one after another. */
class JobQueue<Input> {
  readonly #jobs: Iterator<Job<Input>> | AsyncIterator<Job<Input>>;
  #asking: Promise<void> | null = null;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(jobs: JobSource<Input>) {
    this.#jobs = Symbol.asyncIterator in jobs ? jobs[Symbol.asyncIterator]() : jobs[Symbol.iterator]();
  }

  /** Whether a job has been asked for that has not come yet. */
  get asking(): boolean {
    return this.#asking !== null;
  }

  /**
   * Begins the next job. False when none can be had now: the source has ended, or takes its time; in that case `settled`
   * is called once it has answered.
   */
  beginNext(begin: (job: Job<Input>) => void, settled: () => void): boolean {
    if (this.#asking !== null || this.#ended) return false;
    const take = (next: IteratorResult<Job<Input>>): void => {
      if (next.done === true) this.#ended = true;
      else begin(next.value);
    };
    const fail = (error: unknown): void => {
      this.#ended = true;
      this.#failure = { error };
    };
    try {
      const next = this.#jobs.next();
      if (!(next instanceof Promise)) {
        take(next);
        return !this.#ended;
      }
      this.#asking = next.then(take, fail).then(() => {
        this.#asking = null;
        settled();
      });
    } catch (error) {
      fail(error);
    }
    return false;
  }

  /** Throws what the source has thrown. */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async close(): Promise<void> {
    await this.#asking;
    await this.#jobs.return?.();
  }
}

async function* runInProcess<Input, Output>(
  jobs: JobSource<Input>,
  work: (input: Input, signal: AbortSignal) => Promise<Output>,
  { concurrency, signal }: JobOptions,
): AsyncGenerator<JobResult<Output>> {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new VlprmError('ERR_RANGE', `a concurrency of ${concurrency}`, { fix: 'use an integer of at least 1' });
  }
  // Not AbortSignal.any: a signal that outlives many runs would remember each of them.
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const unlink = onAbort(signal, () => stop.abort(signal?.reason));
  const queue = new JobQueue(jobs);
  const inFlight = new Set<Promise<void>>();
  const ended: JobResult<Output>[] = [];
  let wake = (): void => undefined;
  const begin = (job: Job<Input>): void => {
    if (stop.signal.aborted) return;
    const running = resultOf(job, work, stop.signal).then((result) => {
      ended.push(result);
      inFlight.delete(running);
      wake();
    });
    inFlight.add(running);
  };
  /** Begins jobs while there is room for them; false when nothing is left to wait for. */
  const refill = (): boolean => {
    while (!signal?.aborted && inFlight.size < concurrency && queue.beginNext(begin, () => wake()));
    return inFlight.size > 0 || queue.asking || ended.length > 0;
  };
  try {
    while (refill()) {
      if (!signal?.aborted) queue.throwFailure();
      if (ended.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      for (const result of ended.splice(0)) if (result.ok || !signal?.aborted) yield result;
    }
    throwIfAborted(signal);
    queue.throwFailure();
  } finally {
    unlink();
    stop.abort();
    await Promise.all(inFlight);
    await queue.close();
  }
}

/** Runs jobs in this process, `concurrency` at a time. */
export function createInProcessEngine(): JobEngine {
  return { run: runInProcess };
}
