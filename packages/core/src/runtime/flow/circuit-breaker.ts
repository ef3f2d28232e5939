import type { Random } from '../random.ts';
import type { Clock } from './clock.ts';

/** What a call's end says of a server's health; `none` where it says nothing (the caller gave up). */
export type HealthSign = 'healthy' | 'unhealthy' | 'none';

/** Failures in a row after which a server is left alone. */
const THRESHOLD = 5;
const FIRST_COOL_DOWN_MS = 1000;
const LONGEST_COOL_DOWN_MS = 60_000;
/** Failed trials after which a server is given up for the time being. One that has never answered was most likely misnamed. */
const TRIALS = { unseen: 3, seen: 10 };

/**
 * Leaves a failing server alone: after several failures in a row it cools down, then one call tries it; the time of
 * cooling down doubles with every trial that fails, and is drawn between half of it and all of it.
 * M. Nygard, "Release It!", 2nd edition, chapter 5: circuit breaker.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #random: Pick<Random, 'uniform'>;
  #failuresInRow = 0;
  #failedTrials = 0;
  #answered = false;
  /** Null: closed, calls pass. */
  #coolUntil: number | null = null;
  #trialRuns = false;
  /** Rises when it opens: what was sent before tells nothing new. */
  #epoch = 0;

  constructor(clock: Clock, random: Pick<Random, 'uniform'>) {
    this.#clock = clock;
    this.#random = random;
  }

  get closed(): boolean {
    return this.#coolUntil === null;
  }

  /** Milliseconds until a call may pass: 0 now, Infinity when a trial has to come back first. */
  get waitMs(): number {
    if (this.#coolUntil === null) return 0;
    return this.#trialRuns ? Infinity : Math.max(0, this.#coolUntil - this.#clock.now());
  }

  /** Has failed so many trials that nobody should wait for the next one. */
  get givenUp(): boolean {
    const waitMs = this.waitMs;
    return waitMs > 0 && waitMs < Infinity && this.#failedTrials >= (this.#answered ? TRIALS.seen : TRIALS.unseen);
  }

  /** Lets a call pass, as the trial when it is open; the epoch goes back to `leave`. */
  enter(): number {
    this.#trialRuns = this.#coolUntil !== null;
    return this.#epoch;
  }

  /** Returns true when this call opened it, or closed it again. */
  leave(epoch: number, sign: HealthSign): boolean {
    if (epoch !== this.#epoch) return false;
    const trial = this.#trialRuns;
    this.#trialRuns = false;
    if (sign === 'none') return false;
    if (sign === 'unhealthy') {
      this.#failuresInRow++;
      if (trial) this.#failedTrials++;
      else if (this.#failuresInRow < THRESHOLD) return false;
      this.#open();
      return true;
    }
    this.#answered = true;
    this.#failuresInRow = this.#failedTrials = 0;
    this.#coolUntil = null;
    return trial;
  }

  #open(): void {
    const bound = Math.min(LONGEST_COOL_DOWN_MS, FIRST_COOL_DOWN_MS * 2 ** this.#failedTrials);
    this.#coolUntil = this.#clock.now() + (bound / 2) * (1 + this.#random.uniform());
    this.#epoch++;
  }
}
