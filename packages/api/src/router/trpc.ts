import { initTRPC } from '@trpc/server';
import { z, ZodError } from 'zod';
import { toTrpcError, toWireError } from '../contract/errors.ts';
import type { Platform } from '../platform/platform.ts';

export interface Context {
  readonly platform: Platform;
}

const trpc = initTRPC.context<Context>().create({
  errorFormatter({ shape, error }) {
    const { code, httpStatus, path } = shape.data;
    return {
      ...shape,
      data: {
        code,
        httpStatus,
        path: path ?? null,
        /** The project's own error: code, what, where, what to do. */
        vlprm: toWireError(error.cause),
        /** Which input fields were wrong, and how. */
        input: error.cause instanceof ZodError ? z.treeifyError(error.cause) : null,
      },
    };
  },
});

export const router = trpc.router;

/** A procedure whose typed errors keep their code, place and way out on the wire. */
export const procedure = trpc.procedure.use(async ({ next }) => {
  const result = await next();
  if (!result.ok) {
    const mapped = toTrpcError(result.error.cause);
    if (mapped !== result.error.cause) throw mapped;
  }
  return result;
});
