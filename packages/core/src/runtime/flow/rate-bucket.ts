import type { Clock } from './clock.ts';
import type { QuotaState } from './replica-pool.ts';

const MINUTE_MS = 60_000;
/** A full bucket holds this share of a minute's limit: servers count in shorter windows, too. */
const BURST_MS = 5000;
/** Less than this is missing by rounding alone. */
const ROUNDING = 1e-6;

/**
 * Token bucket of a per-minute limit with continuous refill: in any minute at most the limit and one burst are taken.
 * A take that is larger than the burst goes when the bucket is full, and leaves a debt.
 * https://en.wikipedia.org/wiki/Token_bucket; headers as in https://platform.openai.com/docs/guides/rate-limits
 */
export class RateBucket {
  readonly #clock: Clock;
  /** The user's own limit; what the service reports may only be below it. */
  readonly #configured: number;
  /** Infinity where nobody has told. */
  #limit: number;
  #level: number;
  /** Milliseconds in which the whole limit comes back. */
  #periodMs = MINUTE_MS;
  #filledAt: number;

  constructor(perMinute: number | null, clock: Clock) {
    this.#clock = clock;
    this.#configured = this.#limit = perMinute ?? Infinity;
    this.#level = this.burst;
    this.#filledAt = clock.now();
  }

  /** Per minute. */
  get limit(): number {
    return this.#limit;
  }

  /** Most that can be taken at once without debt. */
  get burst(): number {
    return Math.max(1, (this.#limit * BURST_MS) / MINUTE_MS);
  }

  /** Milliseconds until this amount may be taken; 0: now. */
  waitMs(amount: number): number {
    if (this.#limit === Infinity) return 0;
    this.#refill();
    const missing = Math.min(amount, this.burst) - this.#level;
    return missing <= ROUNDING ? 0 : (missing * this.#periodMs) / this.#limit;
  }

  take(amount: number): void {
    if (this.#limit === Infinity) return;
    this.#refill();
    this.#level -= amount;
  }

  /** Corrects what was taken beforehand to what has been used. */
  settle(taken: number, used: number): void {
    if (this.#limit === Infinity) return;
    this.#refill();
    this.#level = Math.min(this.burst, this.#level + taken - used);
  }

  /**
   * What the service says is left counts all its clients, so it bounds what is left here. Its limit bounds the configured
   * one. An empty quota that takes longer than a minute to come back (limits per hour or day) refills that slowly.
   */
  observe({ limit, remaining, resetMs }: QuotaState): void {
    this.#refill();
    if (limit !== undefined && limit > 0) this.#setLimit(Math.min(this.#configured, limit));
    if (this.#limit === Infinity || remaining === undefined) return;
    this.#level = Math.min(this.#level, Math.max(0, remaining));
    this.#periodMs = remaining > 0 ? MINUTE_MS : Math.max(MINUTE_MS, resetMs ?? 0);
  }

  #setLimit(limit: number): void {
    this.#limit = limit;
    this.#level = Math.min(this.#level, this.burst);
  }

  #refill(): void {
    const now = this.#clock.now();
    const gained = this.#limit === Infinity ? 0 : ((now - this.#filledAt) * this.#limit) / this.#periodMs;
    this.#level = Math.min(this.burst, this.#level + gained);
    this.#filledAt = now;
  }
}
