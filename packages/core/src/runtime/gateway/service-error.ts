import type { Usage } from '../../records/index.ts';
import { VlprmError, type ErrorCode, type ErrorDetail } from '../errors.ts';

/** What a failed call to a service means for the calls after it. */
interface ServiceFailure {
  /** May the same call succeed when it is sent again? */
  readonly retryable: boolean;
  /** Does it tell against the replica's health? */
  readonly unhealthy: boolean;
  /** Does it say that the replica has too much to do? */
  readonly overload: boolean;
}

const failure = (marks: '' | 'retryable' | 'retryable unhealthy' | 'retryable overload'): ServiceFailure => ({
  retryable: marks.startsWith('retryable'),
  unhealthy: marks.endsWith('unhealthy'),
  overload: marks.endsWith('overload'),
});

/** Errors that a call to a model service can end in, and what each means for a retry. */
export const SERVICE_FAILURES = {
  ERR_ENDPOINT_UNREACHABLE: failure('retryable unhealthy'),
  ERR_CONNECTION_LOST: failure('retryable unhealthy'),
  ERR_TIMEOUT: failure('retryable unhealthy'),
  ERR_SERVER_FAILED: failure('retryable unhealthy'),
  ERR_OVERLOADED: failure('retryable overload'),
  ERR_RATE_LIMITED: failure('retryable overload'),
  ERR_ANSWER_MALFORMED: failure('retryable'),
  ERR_ANSWER_TRUNCATED: failure(''),
  ERR_CONTENT_FILTER: failure(''),
  ERR_CONTEXT_OVERFLOW: failure(''),
  ERR_IMAGE_REFUSED: failure(''),
  ERR_LABEL_MISSING: failure(''),
  ERR_CAPABILITY_MISSING: failure(''),
  ERR_QUOTA_EXHAUSTED: failure(''),
  ERR_AUTH: failure(''),
  ERR_MODEL_UNKNOWN: failure(''),
  ERR_DIALECT: failure(''),
  ERR_REQUEST_REFUSED: failure(''),
  ERR_BATCH_FAILED: failure('retryable'),
} as const satisfies Partial<Record<ErrorCode, ServiceFailure>>;
export type ServiceErrorCode = keyof typeof SERVICE_FAILURES;

export interface ServiceErrorDetail extends ErrorDetail {
  /** HTTP status, when there was one. */
  readonly status?: number;
  /** How long the service asked to wait before the next attempt. */
  readonly retryAfterMs?: number;
  /** What the service billed for it all the same. */
  readonly usage?: Usage;
}

/** A call to a model service that brought no answer. */
export class ServiceError extends VlprmError implements ServiceFailure {
  declare readonly code: ServiceErrorCode;
  readonly status: number | null;
  readonly retryAfterMs: number | null;
  /** Null when nothing is known to have been billed. */
  readonly usage: Usage | null;
  readonly retryable: boolean;
  readonly unhealthy: boolean;
  readonly overload: boolean;

  constructor(code: ServiceErrorCode, what: string, detail: ServiceErrorDetail = {}) {
    super(code, what, detail);
    this.name = 'ServiceError';
    this.status = detail.status ?? null;
    this.retryAfterMs = detail.retryAfterMs ?? null;
    this.usage = detail.usage ?? null;
    ({ retryable: this.retryable, unhealthy: this.unhealthy, overload: this.overload } = SERVICE_FAILURES[code]);
  }
}

/** The same error, and in front of where it happened, what it happened to. ERR_ABORTED happens to everything: it stays. */
export function errorAt(place: string, error: unknown): unknown {
  if (!VlprmError.is(error) || error.code === 'ERR_ABORTED') return error;
  const { code, message, fix } = error;
  const where = error.where === null ? place : `${place}, ${error.where}`;
  const detail = { where, cause: error, ...(fix === null ? {} : { fix }) };
  if (!(error instanceof ServiceError)) return new VlprmError(code, message, detail);
  const { status, retryAfterMs, usage } = error;
  return new ServiceError(error.code, message, {
    ...detail,
    ...(status === null ? {} : { status }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(usage === null ? {} : { usage }),
  });
}
