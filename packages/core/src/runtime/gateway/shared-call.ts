import type { ServiceError } from './service-error.ts';

/** A call in flight that several callers wait for. When the last of them has gone it is aborted and takes no more. */
export class SharedCall<T> {
  readonly #own = new AbortController();
  #callers = 0;
  #settled = false;
  readonly result: Promise<T>;
  /** How the latest attempt failed. */
  lastFailure: ServiceError | null = null;

  constructor(work: (signal: AbortSignal, call: SharedCall<T>) => Promise<T>) {
    this.result = work(this.#own.signal, this).finally(() => {
      this.#settled = true;
    });
  }

  get abandoned(): boolean {
    return this.#own.signal.aborted;
  }

  /** What `wait` makes of the result. A caller whose `wait` ends before the call does has gone. */
  async join<R>(wait: (result: Promise<T>) => Promise<R>): Promise<R> {
    this.#callers += 1;
    try {
      return await wait(this.result);
    } finally {
      this.#callers -= 1;
      if (this.#callers === 0 && !this.#settled) this.#own.abort();
    }
  }
}
