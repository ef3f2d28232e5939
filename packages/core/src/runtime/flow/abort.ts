import { abortError, throwIfAborted, type VlprmError } from '../errors.ts';
import { ServiceError } from '../gateway/service-error.ts';
import { systemClock, type Clock } from './clock.ts';

/** All that wait for one signal, behind one listener: an EventTarget looks through its listeners to add another. */
class AbortWatch {
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<{ readonly call: () => void }>();
  readonly #fire = (): void => {
    for (const { call } of this.#callbacks) call();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(call: () => void): () => void {
    if (this.#callbacks.size === 0) this.#signal.addEventListener('abort', this.#fire, { once: true });
    const callback = { call };
    this.#callbacks.add(callback);
    return () => {
      if (this.#callbacks.delete(callback) && this.#callbacks.size === 0) {
        this.#signal.removeEventListener('abort', this.#fire);
      }
    };
  }
}

const watches = new WeakMap<AbortSignal, AbortWatch>();

/** Calls back when a signal that has not fired yet fires; the result takes it back. Any number may wait for a signal. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new AbortWatch(signal);
    watches.set(signal, watch);
  }
  return watch.add(callback);
}

/** What `work` settles to, or the abort's error as soon as the signal fires; `work` may then go on unheard. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const giveUp = (): void => {
      reject(abortError(signal));
    };
    if (signal.aborted) giveUp();
    const unlink = onAbort(signal, giveUp);
    work.finally(unlink).then(resolve, reject);
  });
}

/** Waits. Rejects with the abort's error as soon as the signal fires. */
export function sleep(ms: number, signal?: AbortSignal, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortError(signal));
      return;
    }
    const cancel = clock.after(ms, () => {
      unlink();
      resolve();
    });
    const unlink = onAbort(signal, () => {
      cancel();
      if (signal !== undefined) reject(abortError(signal));
    });
  });
}

/** What a piece of work may take. */
export interface TimeLimits {
  readonly signal?: AbortSignal | undefined;
  /** Infinity: no limit. */
  readonly timeoutMs?: number | undefined;
  /** What is thrown when the time is over. Default: ERR_TIMEOUT. */
  readonly timeoutError?: (timeoutMs: number) => VlprmError;
}

const noAnswer = (timeoutMs: number): VlprmError =>
  new ServiceError('ERR_TIMEOUT', `no answer within ${timeoutMs / 1000} s`, { fix: 'allow more time' });

/** What ends a piece of work early. */
export interface Stop {
  /** Made when it is first asked for: to make one costs more than all else that a call in this process needs. */
  readonly signal: AbortSignal;
}

class LazyStop implements Stop {
  #controller: AbortController | undefined;
  #reason: VlprmError | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: VlprmError): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/**
 * Does `work` under a signal of its own, which fires when the caller's does or when the time is over; the result then
 * rejects at once, whether `work` heeds its signal or not. Nothing stays behind: no timer, and no listener on the caller's
 * signal, which may live as long as the process.
 * @throws what `work` throws; ERR_ABORTED, or the error that the caller aborted with; ERR_TIMEOUT
 */
export function within<T>(
  { signal, timeoutMs, timeoutError = noAnswer }: TimeLimits,
  work: (stop: Stop) => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    throwIfAborted(signal);
    const own = new LazyStop();
    const result = work(own);
    const stop = (error: VlprmError): void => {
      end();
      own.abort(error);
      reject(error);
    };
    const unlink = onAbort(signal, () => {
      if (signal !== undefined) stop(abortError(signal));
    });
    const cancel =
      timeoutMs === undefined || timeoutMs === Infinity
        ? undefined
        : clock.after(timeoutMs, () => {
            stop(timeoutError(timeoutMs));
          });
    const end = (): void => {
      unlink();
      cancel?.();
    };
    result.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it came
        reject(error);
      },
    );
    if (signal?.aborted) stop(abortError(signal));
  });
}
