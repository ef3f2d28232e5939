import { ServiceError } from '../../runtime/gateway/service-error.ts';

/** vLLM and OpenAI write this, or less, for a token that has no log-probability. */
const ABSENT = -9999;
/** Rounding may lift the logarithm of a probability of 1 above 0 by this much. */
const ROUNDING = 1e-3;

/** A log-probability as a server writes it; null for one that it does not have. ERR_ANSWER_MALFORMED for what is none. */
export function readLogprob(value: number): number | null {
  if (value <= ABSENT) return null;
  if (value <= ROUNDING) return Math.min(0, value);
  throw new ServiceError('ERR_ANSWER_MALFORMED', `a log-probability of ${value}`, {
    fix: 'check the version of the server: log-probabilities are at most 0',
  });
}
