/** Limits that a server enforces and tells in its headers. */
export interface QuotaOptions {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** Milliseconds, for tests; default: `performance.now`. */
  readonly now?: () => number;
}

export interface QuotaLevel {
  readonly limit: number;
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
}

export interface QuotaState {
  readonly requests: QuotaLevel;
  readonly tokens: QuotaLevel;
  /** Null when the request is let through. */
  readonly retryAfterMs: number | null;
}

const MINUTE_MS = 60_000;

/** A bucket that begins full and fills evenly, a limit's worth a minute. */
class Bucket {
  readonly #limit: number;
  #level: number;
  #at: number;

  constructor(limit: number, now: number) {
    this.#limit = limit;
    this.#level = limit;
    this.#at = now;
  }

  refill(now: number): void {
    this.#level = Math.min(this.#limit, this.#level + ((now - this.#at) / MINUTE_MS) * this.#limit);
    this.#at = now;
  }

  take(amount: number): void {
    this.#level -= amount;
  }

  /** Milliseconds until `amount` is there. */
  waitFor(amount: number): number {
    return (Math.max(0, Math.min(amount, this.#limit) - this.#level) / this.#limit) * MINUTE_MS;
  }

  read(): QuotaLevel {
    return {
      limit: this.#limit,
      remaining: Math.max(0, Math.floor(this.#level)),
      resetMs: this.waitFor(this.#limit),
    };
  }
}

/** Takes a request and its tokens from their buckets when both have room; says how they stand. */
export function createQuota(options: QuotaOptions): (tokens: number) => QuotaState {
  const now = options.now ?? (() => performance.now());
  const requests = new Bucket(options.requestsPerMinute, now());
  const tokens = new Bucket(options.tokensPerMinute, now());
  return (amount) => {
    const at = now();
    requests.refill(at);
    tokens.refill(at);
    const wait = Math.ceil(Math.max(requests.waitFor(1), tokens.waitFor(amount)));
    if (wait === 0) {
      requests.take(1);
      tokens.take(amount);
    }
    return { requests: requests.read(), tokens: tokens.read(), retryAfterMs: wait === 0 ? null : wait };
  };
}
