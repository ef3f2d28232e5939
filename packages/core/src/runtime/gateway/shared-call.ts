import type { ServiceError } from './service-error.ts';

/** A call in flight that several callers wait for. When the last of them has gone it is aborted and takes no more. */
export class SharedCall<T> {
  readonly #own: AbortController | undefined;
  #callers = 0;
  readonly result: Promise<T>;
  /** Set by the work when it ends: nobody needs to abort it then. */
  settled = false;
  /** How the latest attempt failed. */
  lastFailure: ServiceError | null = null;

  /** @param callerStays nobody needs to abort it, because its first caller will not go before it ends */
  constructor(work: (signal: AbortSignal | undefined, call: SharedCall<T>) => Promise<T>, callerStays: boolean) {
    this.#own = callerStays ? undefined : new AbortController();
    this.result = work(this.#own?.signal, this);
  }

  get abandoned(): boolean {
    return this.#own?.signal.aborted ?? false;
  }

  /** What `wait` makes of the result. A caller whose `wait` ends before the call does has gone. */
  async join<R>(wait: (result: Promise<T>) => Promise<R>): Promise<R> {
    this.#callers += 1;
    try {
      return await wait(this.result);
    } finally {
      this.#callers -= 1;
      if (this.#callers === 0 && !this.settled) this.#own?.abort();
    }
  }
}
