import type { Usage } from '../../records/index.ts';
import { VlprmError } from '../../runtime/errors.ts';
import { SERVICE_FAILURES, ServiceError } from '../../runtime/gateway/service-error.ts';
import type { Sampled } from '../ports.ts';
import type { ChatChoice } from './chat.ts';

/** Failures that the next call would meet as well, whatever it asks. */
const OF_THE_ENDPOINT: ReadonlySet<string> = new Set([
  'ERR_AUTH',
  'ERR_DIALECT',
  'ERR_ENDPOINT_UNREACHABLE',
  'ERR_MODEL_UNKNOWN',
  'ERR_QUOTA_EXHAUSTED',
]);

/** Failures of a problem that cannot be put into a prompt. */
const OF_THE_PROBLEM: ReadonlySet<string> = new Set(['ERR_IMAGE_DECODE', 'ERR_TRACE_EMPTY', 'ERR_TRACE_MALFORMED']);

/** Whether a whole batch failed: it says nothing of the requests in it, which another batch may answer. */
const isOfABatch = (error: VlprmError): boolean =>
  error.code === 'ERR_BATCH_FAILED' && !(error instanceof ServiceError);

/**
 * Whether an error is of one problem or one call, which leaves those beside it alone. An endpoint that cannot be used at
 * all, a batch that failed as a whole, a spent budget, an abort and a fault of this program are not.
 */
function isOneFailure(error: unknown): error is VlprmError {
  if (!VlprmError.is(error) || isOfABatch(error)) return false;
  return OF_THE_PROBLEM.has(error.code) || (error.code in SERVICE_FAILURES && !OF_THE_ENDPOINT.has(error.code));
}

/** Does work for one problem, which may fail alone; throws every error that is not of this problem. */
export async function attempt<T>(work: () => Promise<T>): Promise<Sampled<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (isOneFailure(error)) return { ok: false, error };
    throw error;
  }
}

/** What a failed call has spent: nobody knows. */
export const FAILED_CALL: Usage = { calls: 1, promptTokens: null, completionTokens: null, usd: null };

/** Why a choice cannot be used; null when it can. `where` names what was asked. */
export function choiceFailure({ finish }: ChatChoice, maxTokens: number, where: string): ServiceError | null {
  switch (finish) {
    case 'stop':
      return null;
    case 'length':
      return new ServiceError('ERR_ANSWER_TRUNCATED', `the answer was cut off at ${maxTokens} tokens`, {
        where,
        fix: 'raise sampling.maxTokens',
      });
    case 'content-filter':
      return new ServiceError('ERR_CONTENT_FILTER', 'the content filter of the service withheld the answer', {
        where,
        fix: 'leave this problem out, or ask another model',
      });
  }
}
