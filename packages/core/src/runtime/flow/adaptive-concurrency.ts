/** How a call ended, as far as it tells of the load. */
export type LoadSign = { readonly latencyMs: number; readonly kind?: string } | 'overload' | 'none';

/** Latencies of one kind of calls, round trip by round trip. */
interface Round {
  /** It ends with a call that was sent after it began. */
  began: number;
  samples: number;
  latencySum: number;
  longRunMs: number | null;
}

export interface AdaptiveConcurrencyOptions {
  readonly max: number;
  /** Where it begins, and begins again after a restart of the server. */
  readonly initial?: number;
}

/** CUBIC's factor (RFC 9438, section 4.6). */
const DECREASE = 0.7;
/** A round whose mean latency is more than this many times the long-run mean shows a queue. */
const TOLERANCE = 2;
/** Growth that may have other causes: the event loop, the garbage collector, one long answer. */
const SLACK_MS = 100;
const SAMPLES_PER_ROUND = 10;
/** Of a round's mean in the long-run mean. */
const ROUND_WEIGHT = 0.1;

/**
 * How many calls may be in flight. It doubles with every round trip until the first sign of overload, from then on it
 * grows by its square root a round trip while it is used, and shrinks by a factor when calls are refused or when latency
 * leaves its long-run mean, which every kind of calls has of its own: a score takes one token, a solution thousands. Signs of overload from calls that were sent before the last decrease are
 * echoes of it and count no more: one decrease a round trip, however many calls fail.
 * After Gradient2 in https://github.com/Netflix/concurrency-limits, and TCP's slow start and fast recovery (RFC 5681, 6582).
 */
export class AdaptiveConcurrency {
  readonly #max: number;
  readonly #initial: number;
  #limit: number;
  #starting = true;
  #inFlight = 0;
  #nextTicket = 0;
  /** Tickets below were handed out before the last decrease. */
  #decreasedAt = 0;
  /** Most in flight in this round, and in the one before. */
  #peak = 0;
  #peakBefore = 0;
  readonly #rounds = new Map<string, Round>();

  constructor({ max, initial = 32 }: AdaptiveConcurrencyOptions) {
    this.#max = max;
    this.#initial = this.#limit = Math.min(max, initial);
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.limit;
  }

  /** Of the limit, lately: what is not used is not known to be right. */
  get #used(): number {
    return Math.max(this.#peak, this.#peakBefore);
  }

  /** Takes a place; its ticket goes back to `release`. */
  enter(): number {
    this.#peak = Math.max(this.#peak, ++this.#inFlight);
    return this.#nextTicket++;
  }

  leave(ticket: number, sign: LoadSign): void {
    this.#inFlight--;
    if (sign === 'none') return;
    if (sign === 'overload') {
      if (ticket >= this.#decreasedAt) this.#decrease(Math.min(this.#limit, this.#used) * DECREASE);
      return;
    }
    if (2 * this.#used >= this.#limit) this.#grow();
    this.#observe(ticket, sign.latencyMs, this.#roundOf(sign.kind ?? ''));
  }

  /** After a break: what was learnt of the server may hold no more. */
  restart(): void {
    this.#limit = this.#initial;
    this.#starting = true;
    this.#decreasedAt = this.#nextTicket;
    this.#rounds.clear();
    this.#rememberPeak();
  }

  #grow(): void {
    this.#limit = Math.min(this.#max, this.#limit + (this.#starting ? 1 : 1 / Math.sqrt(this.#limit)));
  }

  #decrease(limit: number): void {
    this.#limit = Math.max(1, limit);
    this.#starting = false;
    this.#decreasedAt = this.#nextTicket;
    for (const round of this.#rounds.values()) this.#begin(round);
    this.#rememberPeak();
  }

  #roundOf(kind: string): Round {
    let round = this.#rounds.get(kind);
    if (round === undefined) {
      round = { began: 0, samples: 0, latencySum: 0, longRunMs: null };
      this.#rounds.set(kind, round);
    }
    return round;
  }

  #observe(ticket: number, latencyMs: number, round: Round): void {
    round.samples++;
    round.latencySum += latencyMs;
    if (ticket < round.began || round.samples < SAMPLES_PER_ROUND) return;
    const mean = round.latencySum / round.samples;
    const longRun = round.longRunMs ?? mean;
    // Falls at once, so that it stands for the unloaded server, and rises slowly, so that a queue shows.
    round.longRunMs = Math.min(mean, longRun + ROUND_WEIGHT * (mean - longRun));
    this.#begin(round);
    this.#rememberPeak();
    const allowed = TOLERANCE * longRun + SLACK_MS;
    if (mean > allowed) this.#decrease(this.#limit * Math.max(DECREASE, allowed / mean));
  }

  #begin(round: Round): void {
    round.began = this.#nextTicket;
    round.samples = round.latencySum = 0;
  }

  #rememberPeak(): void {
    this.#peakBefore = this.#peak;
    this.#peak = this.#inFlight;
  }
}
