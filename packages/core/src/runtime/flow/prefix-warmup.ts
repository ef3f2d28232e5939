import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';

/** Prefixes that a server is believed to have in its cache. */
const REMEMBERED = 4096;

/**
 * The first call of a prefix on a server goes alone and fills the server's prefix cache; the others of its kind wait until
 * it has come back, or for a bounded time (when the answer takes long, the prompt has been read for most of it).
 */
export class PrefixWarmup<Waiter> {
  readonly #longestMs: number;
  readonly #clock: Clock;
  readonly #onEnd: (waiters: readonly Waiter[]) => void;
  readonly #warm = new LRUCache<string, true>({ max: REMEMBERED });
  readonly #warming = new Map<string, { readonly waiters: Set<Waiter>; readonly cancel: () => void }>();

  /** @param onEnd gets those that waited for a prefix, in the order in which they came */
  constructor(longestMs: number, clock: Clock, onEnd: (waiters: readonly Waiter[]) => void) {
    this.#longestMs = longestMs;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  state(prefix: string): 'cold' | 'warming' | 'warm' {
    if (this.#warming.has(prefix)) return 'warming';
    return this.#warm.get(prefix) ? 'warm' : 'cold';
  }

  /** The first call sets off. */
  begin(prefix: string): void {
    const cancel = this.#clock.after(this.#longestMs, () => {
      this.end(prefix, true);
    });
    this.#warming.set(prefix, { waiters: new Set(), cancel });
  }

  /** The first call has come back. */
  end(prefix: string, warm: boolean): void {
    const warming = this.#warming.get(prefix);
    if (warming === undefined) return;
    warming.cancel();
    this.#warming.delete(prefix);
    if (warm) this.#warm.set(prefix, true);
    this.#onEnd([...warming.waiters]);
  }

  /** Waits for a prefix that is warming; the result takes it back. */
  join(prefix: string, waiter: Waiter): () => void {
    const waiters = this.#warming.get(prefix)?.waiters;
    waiters?.add(waiter);
    return () => waiters?.delete(waiter);
  }

  /** The server may have lost its cache. */
  forget(): void {
    this.#warm.clear();
  }
}
