import { VlprmError } from '../errors.ts';
import { ServiceError, type ServiceErrorCode } from '../gateway/service-error.ts';
import type { Random } from '../random.ts';
import { AdaptiveConcurrency, type LoadSign } from './adaptive-concurrency.ts';
import { CircuitBreaker, type HealthSign } from './circuit-breaker.ts';
import type { Clock } from './clock.ts';
import { RateBucket } from './rate-bucket.ts';
import type { CallOutcome, QuotaReport, ReplicaSpec, ReplicaStatus } from './replica-pool.ts';

/** A replica that asks for a longer pause is not waited for. */
const LONGEST_PAUSE_MS = 600_000;

const LASTING: ReadonlySet<ServiceErrorCode> = new Set(['ERR_AUTH', 'ERR_MODEL_UNKNOWN', 'ERR_QUOTA_EXHAUSTED']);

/** Failures that lie in how one replica is set up: waiting does not heal them, another replica may do. */
export function isLastingFailure(error: unknown): error is ServiceError {
  return error instanceof ServiceError && LASTING.has(error.code);
}

/** What a call holds of its replica. */
export interface Place {
  readonly ticket: number;
  readonly epoch: number;
  readonly tokens: number;
  readonly kind: string;
}

function loadSign(outcome: CallOutcome, kind: string): LoadSign {
  if (outcome.ok) return { latencyMs: outcome.latencyMs, kind };
  return outcome.error instanceof ServiceError && outcome.error.overload ? 'overload' : 'none';
}

function healthSign(outcome: CallOutcome): HealthSign {
  if (outcome.ok) return 'healthy';
  if (!(outcome.error instanceof ServiceError)) return 'none';
  return outcome.error.unhealthy ? 'unhealthy' : 'healthy';
}

/** One server of a pool: its limits, its health, and what it has done. */
export class PooledReplica<Replica> {
  readonly name: string;
  readonly weight: number;
  readonly replica: Replica;
  readonly #clock: Clock;
  readonly #concurrency: AdaptiveConcurrency;
  readonly #breaker: CircuitBreaker;
  readonly #requests: RateBucket;
  readonly #tokens: RateBucket;
  #pausedUntil = 0;
  #calls = 0;
  #failures = 0;
  #lastFailure: VlprmError | null = null;
  #out = false;

  constructor(
    spec: ReplicaSpec<Replica>,
    {
      clock,
      random,
      initialConcurrency,
    }: { clock: Clock; random: Pick<Random, 'uniform'>; initialConcurrency: number },
  ) {
    ({ name: this.name, weight: this.weight, replica: this.replica } = spec);
    this.#clock = clock;
    this.#concurrency = new AdaptiveConcurrency({ max: spec.maxConcurrency, initial: initialConcurrency });
    this.#breaker = new CircuitBreaker(clock, random);
    this.#requests = new RateBucket(spec.requestsPerMinute, clock);
    this.#tokens = new RateBucket(spec.tokensPerMinute, clock);
  }

  get lastFailure(): VlprmError | null {
    return this.#lastFailure;
  }

  /** Nobody should wait for it. */
  get lost(): boolean {
    return this.#out || this.#breaker.givenUp || this.#pauseMs > LONGEST_PAUSE_MS;
  }

  /** What is left of the pause that it asked for. */
  get #pauseMs(): number {
    return Math.max(0, this.#pausedUntil - this.#clock.now());
  }

  /** Milliseconds for which it holds itself back, whatever the call. */
  get #heldBackMs(): number {
    return Math.max(this.#breaker.waitMs, this.#pauseMs);
  }

  /** Takes calls now, as soon as it has room. */
  get inService(): boolean {
    return !this.#out && this.#heldBackMs === 0;
  }

  /** Milliseconds until it can take a call of so many tokens; 0: now; Infinity: when another call has come back. */
  waitMs(tokens: number): number {
    if (this.#out || !this.#concurrency.hasRoom) return Infinity;
    return Math.max(this.#heldBackMs, this.#requests.waitMs(1), this.#tokens.waitMs(tokens));
  }

  enter(tokens: number, kind: string): Place {
    this.#calls++;
    this.#requests.take(1);
    this.#tokens.take(tokens);
    return { ticket: this.#concurrency.enter(), epoch: this.#breaker.enter(), tokens, kind };
  }

  /** Returns true when the server may have been restarted since. */
  leave({ ticket, epoch, tokens, kind }: Place, outcome: CallOutcome): boolean {
    this.#concurrency.leave(ticket, loadSign(outcome, kind));
    if (outcome.ok) {
      if (outcome.tokens !== null) this.#tokens.settle(tokens, outcome.tokens);
      if (outcome.quota !== null) this.#observeQuota(outcome.quota);
    } else this.#observeFailure(outcome.error, tokens);
    const turned = this.#breaker.leave(epoch, healthSign(outcome));
    if (turned) this.#concurrency.restart();
    return turned;
  }

  status(): ReplicaStatus {
    return {
      name: this.name,
      inFlight: this.#concurrency.inFlight,
      concurrency: this.#concurrency.limit,
      healthy: !this.#out && this.#breaker.closed,
      coolDownMs: Number.isFinite(this.#heldBackMs) ? this.#heldBackMs : 0,
      calls: this.#calls,
      failures: this.#failures,
      lastFailure: this.#lastFailure?.toLine() ?? null,
    };
  }

  #observeQuota({ requests, tokens }: QuotaReport): void {
    if (requests !== undefined) this.#requests.observe(requests);
    if (tokens !== undefined) this.#tokens.observe(tokens);
  }

  #observeFailure(error: unknown, tokens: number): void {
    if (!VlprmError.is(error) || error.code === 'ERR_ABORTED') return;
    this.#failures++;
    this.#lastFailure = error;
    if (!(error instanceof ServiceError)) return;
    if (isLastingFailure(error)) this.#out = true;
    // A call that was turned away at the door has used no tokens.
    if (error.overload || error.code === 'ERR_ENDPOINT_UNREACHABLE') this.#tokens.settle(tokens, 0);
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + (error.retryAfterMs ?? 0));
  }
}
