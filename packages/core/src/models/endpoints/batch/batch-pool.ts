import { throwIfAborted, VlprmError } from '../../../runtime/errors.ts';
import type { ReplicaPool, ReplicaSpec } from '../../../runtime/flow/index.ts';

/** A pool of one replica that takes any number of calls: what waits in files for hours overloads nobody. */
export function createBatchPool<Replica>({ name, replica }: ReplicaSpec<Replica>): ReplicaPool<Replica> {
  let inFlight = 0;
  let calls = 0;
  let failures = 0;
  let lastFailure: string | null = null;
  return {
    lease: async (_, signal) => {
      throwIfAborted(signal);
      inFlight += 1;
      calls += 1;
      return {
        name,
        replica,
        release: (outcome) => {
          inFlight -= 1;
          if (outcome.ok || !VlprmError.is(outcome.error) || outcome.error.code === 'ERR_ABORTED') return;
          failures += 1;
          lastFailure = outcome.error.toLine();
        },
      };
    },
    status: () => [
      { name, inFlight, concurrency: Infinity, healthy: true, coolDownMs: 0, calls, failures, lastFailure },
    ],
  };
}
