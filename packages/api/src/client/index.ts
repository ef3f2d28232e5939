import { createTRPCClient, httpBatchLink, TRPCClientError, type TRPCClient } from '@trpc/client';
import type { WireError } from '../contract/errors.ts';
import type { AppRouter } from '../router/router.ts';

export type { DoctorCheck, DoctorReport } from '../contract/doctor.ts';
export type { WireError } from '../contract/errors.ts';
export type { SolveInput, SolveOutput } from '../contract/solve.ts';
export type { AppRouter } from '../router/router.ts';

export type Client = TRPCClient<AppRouter>;

export interface ClientOptions {
  /** Address of the server, e.g. `http://127.0.0.1:4317`. */
  readonly url: string;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A typed client of a vlprm server. Runs in browsers and in Node. */
export function createClient({ url, headers }: ClientOptions): Client {
  const base = url.replace(/\/+$/, '');
  return createTRPCClient<AppRouter>({
    links: [
      httpBatchLink({
        url: `${base}/trpc`,
        ...(headers === undefined ? {} : { headers: { ...headers } }),
      }),
    ],
  });
}

/** The typed error of the server in what a call threw; null when it is of another kind (network, input, defect). */
export function wireErrorOf(error: unknown): WireError | null {
  if (!(error instanceof TRPCClientError)) return null;
  const data = error.data as { vlprm?: WireError | null } | null | undefined;
  return data?.vlprm ?? null;
}
