import type { LedgerAccess } from '../src/runtime/index.ts';

/** Of every call. */
export const LATENCY_MS = 20;

/** Remembers nothing: its cost is measured elsewhere, and what grows is not the ledger. */
export const FORGETFUL: LedgerAccess = {
  get: () => Promise.resolve(null),
  getMany: () => Promise.resolve(new Map()),
  put: () => Promise.resolve(),
  putMany: () => Promise.resolve(),
};

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** So many loops, each of which makes its calls one after the other. */
export async function loops(count: number, calls: number, call: () => Promise<unknown>): Promise<void> {
  const loop = async (): Promise<void> => {
    for (let i = 0; i < calls; i++) await call();
  };
  await Promise.all(Array.from({ length: count }, loop));
}
