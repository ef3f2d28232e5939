import { abortError, throwIfAborted } from '../../../runtime/errors.ts';
import { onAbort } from '../../../runtime/flow/index.ts';

/** Places for the batches that may be open at once. */
export class BatchSlots {
  readonly #most: number;
  readonly #onFree: () => void;
  readonly #waiting = new Set<() => void>();
  #taken = 0;
  #refused = 0;

  /** @param onFree called whenever a place is left that nobody waits for */
  constructor(most: number, onFree: () => void) {
    this.#most = most;
    this.#onFree = onFree;
  }

  /** Does the service refuse every batch that has a place? */
  get allRefused(): boolean {
    return this.#refused === this.#taken;
  }

  /** Keeps the place while the service has no room for the batch. The result ends that. */
  refuse(): () => void {
    this.#refused += 1;
    return () => {
      this.#refused -= 1;
    };
  }

  get free(): boolean {
    return this.#waiting.size === 0 && this.#taken < this.#most;
  }

  /** A place for a batch that is open already, beyond the limit if need be. The result gives it back. */
  enter(): () => void {
    this.#taken += 1;
    return () => {
      this.#taken -= 1;
      this.#admit();
    };
  }

  /** Waits for a place, in the order of asking. */
  take(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const grant = (): void => {
        unlink();
        resolve(this.enter());
      };
      const unlink = onAbort(signal, () => {
        this.#waiting.delete(grant);
        reject(abortError(signal));
        this.#admit();
      });
      this.#waiting.add(grant);
      this.#admit();
    });
  }

  #admit(): void {
    for (const grant of this.#waiting) {
      if (this.#taken >= this.#most) return;
      this.#waiting.delete(grant);
      grant();
    }
    if (this.free) this.#onFree();
  }
}
