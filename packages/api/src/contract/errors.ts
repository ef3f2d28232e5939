import { ERROR_CODES, VlprmError, type ErrorCode, type ExitName } from '@vlprm/core/runtime';
import { TRPCError } from '@trpc/server';

/** A VlprmError on the wire. */
export interface WireError {
  readonly code: ErrorCode;
  readonly what: string;
  readonly where: string | null;
  readonly fix: string | null;
}

type TrpcCode = TRPCError['code'];

const CODE_OF_EXIT: Record<ExitName, TrpcCode> = {
  done: 'INTERNAL_SERVER_ERROR',
  usage: 'BAD_REQUEST',
  badData: 'UNPROCESSABLE_CONTENT',
  serviceFailed: 'BAD_GATEWAY',
  budgetExhausted: 'TOO_MANY_REQUESTS',
  interrupted: 'CLIENT_CLOSED_REQUEST',
  internal: 'INTERNAL_SERVER_ERROR',
};

/** The request was fine and the server lacks something. */
const CODE_OF_ERROR: Partial<Record<ErrorCode, TrpcCode>> = {
  ERR_NO_PRM: 'PRECONDITION_FAILED',
  ERR_CONFIG: 'INTERNAL_SERVER_ERROR',
  ERR_BACKEND_UNAVAILABLE: 'SERVICE_UNAVAILABLE',
};

/** A typed error of the project as a tRPC error that keeps it as its cause; other errors stay as they are. */
export function toTrpcError(error: unknown): unknown {
  if (!VlprmError.is(error)) return error;
  const code = CODE_OF_ERROR[error.code] ?? CODE_OF_EXIT[ERROR_CODES[error.code]];
  return new TRPCError({ code, message: error.message, cause: error });
}

/** What a client may know of the error; null when it is not one of the project's. */
export function toWireError(error: unknown): WireError | null {
  if (!VlprmError.is(error)) return null;
  return { code: error.code, what: error.message, where: error.where, fix: error.fix };
}
