/** One code, one meaning; `docs/kernels/errors.md` lists what each asks of the caller. */
export const NATIVE_ERROR_CODES = [
  'ERR_VLPRM_TYPE',
  'ERR_VLPRM_DTYPE',
  'ERR_VLPRM_SHAPE',
  'ERR_VLPRM_RANGE',
  'ERR_VLPRM_POSITION',
  'ERR_VLPRM_SEGMENTS',
  'ERR_VLPRM_OUTCOME',
  'ERR_VLPRM_CAPACITY',
  'ERR_VLPRM_PENDING',
  'ERR_VLPRM_ALIAS',
  'ERR_VLPRM_NOT_FINITE',
  'ERR_VLPRM_DETACHED',
  'ERR_VLPRM_RESIZABLE',
  'ERR_VLPRM_DISPOSED',
  'ERR_VLPRM_PLACE',
  'ERR_VLPRM_BACKEND_UNAVAILABLE',
  'ERR_VLPRM_OOM',
  'ERR_VLPRM_DEVICE',
] as const;

export type NativeErrorCode = (typeof NATIVE_ERROR_CODES)[number];

/**
 * What a kernel refuses. `message` reads "where: what; what to do", and each part is a field of its own.
 */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  readonly code: NativeErrorCode;
  /** The argument or backend at fault, e.g. `stepScore.positions[3]`. */
  readonly where: string;
  readonly what: string;
  readonly remedy: string;

  constructor(code: NativeErrorCode, where: string, what: string, remedy: string) {
    super(`${where}: ${what}; ${remedy}`);
    this.code = code;
    this.where = where;
    this.what = what;
    this.remedy = remedy;
  }
}
