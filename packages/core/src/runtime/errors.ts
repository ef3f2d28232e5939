/** Exit codes of the command line; every error code maps to one of them. */
export const EXIT = {
  done: 0,
  usage: 2,
  badData: 3,
  serviceFailed: 4,
  budgetExhausted: 5,
  internal: 70,
  interrupted: 130,
} as const;
export type ExitName = keyof typeof EXIT;

/** Every error code of the project, with the exit it leads to. Listed in docs/errors.md. */
export const ERROR_CODES = {
  ERR_USAGE: 'usage',
  ERR_CONFIG: 'usage',
  ERR_RANGE: 'usage',
  ERR_NO_PRM: 'usage',
  ERR_STRATEGY_UNKNOWN: 'usage',
  ERR_FILE_MISSING: 'badData',
  ERR_FILE_MALFORMED: 'badData',
  ERR_SCHEMA_VERSION: 'badData',
  ERR_IMAGE_DECODE: 'badData',
  ERR_TRACE_EMPTY: 'badData',
  ERR_TRACE_MALFORMED: 'badData',
  ERR_STEP_COUNT: 'badData',
  ERR_TOKEN_UNKNOWN: 'badData',
  ERR_BUNDLE_HASH: 'badData',
  ERR_BUNDLE_INVALID: 'badData',
  ERR_DATASET_INVALID: 'badData',
  ERR_RUN_MISMATCH: 'badData',
  ERR_KIND_UNKNOWN: 'badData',
  ERR_IMAGE_FETCH: 'badData',
  ERR_REPLAY_MISSING: 'badData',
  ERR_TOO_MANY_REJECTS: 'badData',
  ERR_AUDIT_INVALID: 'badData',
  ERR_MODEL_FAILED: 'serviceFailed',
  ERR_ENDPOINT_UNREACHABLE: 'serviceFailed',
  ERR_CONNECTION_LOST: 'serviceFailed',
  ERR_TIMEOUT: 'serviceFailed',
  ERR_SERVER_FAILED: 'serviceFailed',
  ERR_OVERLOADED: 'serviceFailed',
  ERR_RATE_LIMITED: 'serviceFailed',
  ERR_QUOTA_EXHAUSTED: 'serviceFailed',
  ERR_ANSWER_MALFORMED: 'serviceFailed',
  ERR_ANSWER_TRUNCATED: 'serviceFailed',
  ERR_CONTENT_FILTER: 'serviceFailed',
  ERR_CONTEXT_OVERFLOW: 'serviceFailed',
  ERR_IMAGE_REFUSED: 'serviceFailed',
  ERR_LABEL_MISSING: 'serviceFailed',
  ERR_CAPABILITY_MISSING: 'serviceFailed',
  ERR_AUTH: 'serviceFailed',
  ERR_MODEL_UNKNOWN: 'serviceFailed',
  ERR_DIALECT: 'serviceFailed',
  ERR_REQUEST_REFUSED: 'serviceFailed',
  ERR_BATCH_FAILED: 'serviceFailed',
  ERR_BACKEND_UNAVAILABLE: 'serviceFailed',
  ERR_BUDGET: 'budgetExhausted',
  ERR_ABORTED: 'interrupted',
  ERR_INTERNAL: 'internal',
} as const satisfies Record<string, ExitName>;
export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetail {
  /** Where it happened: a file with its line, a flag, a field path, an endpoint. */
  where?: string;
  /** What the reader can do about it. */
  fix?: string;
  cause?: unknown;
}

const MARK = Symbol.for('vlprm.error');

/** An error with a stable code that says what was wrong, where, and what to do. */
export class VlprmError extends Error {
  readonly code: ErrorCode;
  readonly where: string | null;
  readonly fix: string | null;
  readonly [MARK] = true;

  constructor(code: ErrorCode, what: string, detail: ErrorDetail = {}) {
    super(what, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'VlprmError';
    this.code = code;
    this.where = detail.where ?? null;
    this.fix = detail.fix ?? null;
  }

  /** The number of the exit code that belongs to `code`. */
  get exitCode(): number {
    return EXIT[ERROR_CODES[this.code]];
  }

  /** `error[CODE]: what, where, what to do`. */
  toLine(): string {
    const parts = [this.message, this.where, this.fix].filter((part) => part !== null);
    return `error[${this.code}]: ${parts.join(', ')}`;
  }

  /** True for a VlprmError of any copy of this package. */
  static is(value: unknown): value is VlprmError {
    return typeof value === 'object' && value !== null && MARK in value;
  }
}

/** What an aborted call throws: the signal's reason when that is an error of this project, else ERR_ABORTED. */
export function abortError(signal: AbortSignal): VlprmError {
  if (VlprmError.is(signal.reason)) return signal.reason;
  return new VlprmError('ERR_ABORTED', 'interrupted', {
    fix: 'run the same command again to go on where it stopped',
    cause: signal.reason,
  });
}

/** Throws the abort's error when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}
