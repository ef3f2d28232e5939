import { throwIfAborted } from '../errors.ts';
import { ServiceError } from '../gateway/service-error.ts';
import type { Random } from '../random.ts';
import { sleep } from './abort.ts';
import { systemClock, type Clock } from './clock.ts';

export interface RetryPolicy {
  /** The first one counts. */
  readonly maxAttempts: number;
  /** Bound of the wait after the first attempt; it doubles with every further one. */
  readonly baseDelayMs: number;
  /** The bound stops growing here. */
  readonly maxDelayMs: number;
  /** When a service asks for a longer wait than this, its error stands at once. */
  readonly maxRetryAfterMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 6,
  baseDelayMs: 500,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 600_000,
};

export interface RetryOptions extends Partial<RetryPolicy> {
  /** May the work be tried again after this error? Default: what the error says of itself. */
  readonly mayRetry?: (error: ServiceError) => boolean;
  /** Least wait after this error. Default: its `retryAfterMs`. 0 where a pool holds back the replica that asked for it. */
  readonly leastWaitMs?: (error: ServiceError) => number;
  /** Told before each wait. */
  readonly onRetry?: (error: ServiceError, attempt: number, waitMs: number) => void;
  /** By the clock: an attempt that could only begin later is not waited for. */
  readonly deadlineAt?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly random?: Pick<Random, 'uniform'>;
  readonly clock?: Clock;
}

/** The same failure, saying how often it was tried and why no more. */
function standing(error: ServiceError, attempts: number, why: string): ServiceError {
  const note = [attempts > 1 ? `${attempts} attempts` : '', why].filter((part) => part !== '').join('; ');
  if (note === '') return error;
  return new ServiceError(error.code, `${error.message} (${note})`, {
    cause: error,
    ...(error.where === null ? {} : { where: error.where }),
    ...(error.fix === null ? {} : { fix: error.fix }),
    ...(error.status === null ? {} : { status: error.status }),
    ...(error.retryAfterMs === null ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.usage === null ? {} : { usage: error.usage }),
  });
}

const isRetryable = (error: ServiceError): boolean => error.retryable;
const retryAfter = (error: ServiceError): number => error.retryAfterMs ?? 0;

/** Milliseconds to wait before the next attempt. Throws the error when there is to be none. */
function waitBeforeNext(error: unknown, number: number, options: RetryOptions): number {
  if (!(error instanceof ServiceError)) throw error;
  const { maxAttempts, baseDelayMs, maxDelayMs, maxRetryAfterMs } = { ...DEFAULT_RETRY, ...options };
  const { mayRetry = isRetryable, leastWaitMs = retryAfter, deadlineAt = Infinity } = options;
  const { onRetry, random = { uniform: Math.random }, clock = systemClock } = options;
  if (!mayRetry(error) || number >= maxAttempts) throw standing(error, number, '');
  const least = leastWaitMs(error);
  if (least > maxRetryAfterMs) throw standing(error, number, `it asks to wait ${Math.ceil(least / 1000)} s`);
  const waitMs = least + random.uniform() * Math.min(maxDelayMs, baseDelayMs * 2 ** (number - 1));
  if (clock.now() + waitMs >= deadlineAt) throw standing(error, number, 'no time is left for another');
  onRetry?.(error, number, waitMs);
  return waitMs;
}

/**
 * Tries until it succeeds, the error is not worth another attempt, or the attempts are used up. Between attempts it waits
 * a time drawn uniformly below an exponentially growing bound ("full jitter":
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), on top of what the service asked for.
 * @param attempt gets its number, from 1
 * @throws the last error, with the number of attempts when there were several; ERR_ABORTED, also during a wait
 */
export async function retry<T>(attempt: (number: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      throwIfAborted(options.signal);
      await sleep(waitBeforeNext(error, number, options), options.signal, options.clock);
    }
  }
}
