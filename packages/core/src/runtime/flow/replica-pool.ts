/** Limits of one replica and what is left of them, as a service's response headers tell it. Unknown parts are left out. */
export interface QuotaReport {
  readonly requests?: QuotaState;
  readonly tokens?: QuotaState;
}

export interface QuotaState {
  /** Per minute. */
  readonly limit?: number;
  readonly remaining?: number;
  /** Until the whole limit is there again. */
  readonly resetMs?: number;
}

/** One server that can answer the calls of a pool. */
export interface ReplicaSpec<Replica> {
  /** Unique in the pool, fit for logs: no key in it. */
  readonly name: string;
  readonly replica: Replica;
  /** Share of the traffic relative to the others, above 0. */
  readonly weight: number;
  /** Known limits; null where only the headers can tell. */
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** Most calls in flight; the adaptive limit stays at or below it. */
  readonly maxConcurrency: number;
}

export interface LeaseRequest {
  /** Calls of equal affinity go to one replica while it is healthy and has room. Empty: to any. */
  readonly affinity: string;
  /** Calls of one kind take about as long as each other: latencies are compared within it. Default: all are of one. */
  readonly kind?: string;
  /** Tokens that the call takes from the bucket of tokens per minute. */
  readonly tokens: number;
  /** Names of replicas that have failed this call: they are taken only when no other is left. */
  readonly avoid?: readonly string[];
}

/** How a leased call ended. */
export type CallOutcome =
  | {
      readonly ok: true;
      readonly latencyMs: number;
      readonly tokens: number | null;
      readonly quota: QuotaReport | null;
    }
  | { readonly ok: false; readonly error: unknown };

/** The right to send one call to one replica. */
export interface Lease<Replica> {
  readonly name: string;
  readonly replica: Replica;
  /** Gives the place back and tells the pool how it went. To be called exactly once. */
  release(outcome: CallOutcome): void;
}

/** What a replica is doing, for `doctor` and logs. */
export interface ReplicaStatus {
  readonly name: string;
  readonly inFlight: number;
  /** Calls that may be in flight now. */
  readonly concurrency: number;
  readonly healthy: boolean;
  /** Milliseconds until it is tried again, 0 when it is in use. */
  readonly coolDownMs: number;
  readonly calls: number;
  readonly failures: number;
  /** The line of its last error; null when it has had none. */
  readonly lastFailure: string | null;
}

/** Replicas of one model: who may be called now. */
export interface ReplicaPool<Replica> {
  /**
   * Waits for a replica with room and quota, in the order of asking.
   * @throws ERR_ABORTED; when every replica has failed for good, what the last one failed with, as no `ServiceError`: no
   * further attempt helps
   */
  lease(request: LeaseRequest, signal?: AbortSignal): Promise<Lease<Replica>>;
  status(): ReplicaStatus[];
}
