import { abortError, throwIfAborted, VlprmError } from '../errors.ts';
import type { Random } from '../random.ts';
import { onAbort } from './abort.ts';
import { systemClock, type Clock } from './clock.ts';
import { PrefixWarmup } from './prefix-warmup.ts';
import { rendezvous } from './rendezvous.ts';
import { PooledReplica } from './replica.ts';
import { WaitingLine, type Waiter } from './waiting-line.ts';

import type { Lease, LeaseRequest, ReplicaPool, ReplicaSpec, ReplicaStatus } from './replica-pool.ts';

export interface ReplicaPoolOptions {
  /** Where a new or restarted replica's adaptive limit begins. Default 32. */
  readonly initialConcurrency?: number;
  /**
   * The first call of an affinity on a replica goes alone, and the others wait for it at most so long: it fills the
   * server's prefix cache. Null, the default: nobody waits.
   */
  readonly prefixWarmupMs?: number | null;
  readonly clock?: Clock;
  readonly random?: Pick<Random, 'uniform'>;
}

/** A call that waits for a replica. */
interface WaitingCall<Replica> extends Waiter {
  readonly affinity: string;
  readonly kind: string;
  readonly tokens: number;
  /** All replicas, best first. */
  readonly ranked: readonly PooledReplica<Replica>[];
  /** Has waited for its prefix, and does not again. */
  hasWaitedForPrefix: boolean;
  /** Takes back what waits for its abort. */
  unlink: () => void;
  resolve(lease: Lease<Replica>): void;
  reject(error: VlprmError): void;
}

const nothing = (): void => undefined;

class Pool<Replica> implements ReplicaPool<Replica> {
  readonly #replicas: readonly PooledReplica<Replica>[];
  readonly #rank: (key: string) => readonly PooledReplica<Replica>[];
  readonly #warmups: ReadonlyMap<PooledReplica<Replica>, PrefixWarmup<WaitingCall<Replica>>>;
  readonly #clock: Clock;
  readonly #line = new WaitingLine<WaitingCall<Replica>>();
  #asked = 0;
  #lastFailure: VlprmError | null = null;
  #cancelWake: (() => void) | undefined;

  constructor(specs: readonly ReplicaSpec<Replica>[], options: ReplicaPoolOptions) {
    const { clock = systemClock, random = { uniform: Math.random }, initialConcurrency = 32 } = options;
    const { prefixWarmupMs = null } = options;
    this.#clock = clock;
    this.#replicas = specs.map((spec) => new PooledReplica(spec, { clock, random, initialConcurrency }));
    this.#rank = rendezvous(this.#replicas);
    const warmup = (longestMs: number) =>
      new PrefixWarmup<WaitingCall<Replica>>(longestMs, clock, (calls) => {
        this.#line.addBack(calls);
        this.#serve();
      });
    this.#warmups = new Map(
      prefixWarmupMs === null ? [] : this.#replicas.map((replica) => [replica, warmup(prefixWarmupMs)]),
    );
  }

  lease({ affinity, kind = '', tokens, avoid = [] }: LeaseRequest, signal?: AbortSignal): Promise<Lease<Replica>> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const order = this.#asked++;
      const call: WaitingCall<Replica> = {
        order,
        affinity,
        kind,
        tokens,
        avoid,
        ranked: this.#rank(affinity === '' ? String(order) : affinity),
        hasWaitedForPrefix: affinity === '',
        leave: nothing,
        unlink: nothing,
        resolve,
        reject,
      };
      this.#serveOrAdd(call);
      if (call.leave === nothing) return;
      call.unlink = onAbort(signal, () => {
        call.leave();
        if (signal !== undefined) reject(abortError(signal));
        this.#serve();
      });
    });
  }

  status(): ReplicaStatus[] {
    return this.#replicas.map((replica) => replica.status());
  }

  #serveOrAdd(call: WaitingCall<Replica>): void {
    const free = this.#line.empty
      ? this.#candidates(call).find((replica) => replica.waitMs(call.tokens) === 0)
      : undefined;
    if (free !== undefined) {
      this.#assign(call, free);
      return;
    }
    this.#line.add(call);
    this.#serve();
  }

  /** Serves the line as far as it goes. To be called after everything that may give a waiting call its replica. */
  #serve(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    while (!this.#line.empty) {
      if (this.#replicas.every(({ lost }) => lost)) this.#refuseAll();
      else {
        const wakeMs = this.#serveOne();
        if (wakeMs === 0) continue;
        if (wakeMs < Infinity) this.#cancelWake = this.#clock.after(wakeMs, () => this.#serve());
        return;
      }
    }
  }

  /** Returns 0 when it served a call, else the milliseconds until it is worth another try, Infinity when only an event helps. */
  #serveOne(): number {
    // What a call waits for is kept for it: no later one gets there first, however small it is.
    const spokenFor = new Set<PooledReplica<Replica>>();
    let wakeMs = Infinity;
    for (const call of this.#line.heads()) {
      const candidates = this.#candidates(call).filter((replica) => !spokenFor.has(replica));
      for (const replica of candidates) {
        const waitMs = replica.waitMs(call.tokens);
        if (waitMs === 0) {
          this.#takeOut(call);
          this.#assign(call, replica);
          return 0;
        }
        wakeMs = Math.min(wakeMs, waitMs);
        spokenFor.add(replica);
      }
    }
    return wakeMs;
  }

  #takeOut(call: WaitingCall<Replica>): void {
    call.leave();
    call.leave = nothing;
  }

  #candidates({ ranked, avoid }: WaitingCall<Replica>): readonly PooledReplica<Replica>[] {
    const wanted = ranked.filter((replica) => replica.inService && !avoid.includes(replica.name));
    return wanted.length > 0 ? wanted : ranked.filter(({ lost }) => !lost);
  }

  #assign(call: WaitingCall<Replica>, replica: PooledReplica<Replica>): void {
    const { affinity, kind, tokens, hasWaitedForPrefix } = call;
    const warmup = hasWaitedForPrefix ? undefined : this.#warmups.get(replica);
    const state = warmup?.state(affinity);
    if (state === 'warming') {
      call.hasWaitedForPrefix = true;
      call.leave = warmup!.join(affinity, call);
      return;
    }
    if (state === 'cold') warmup!.begin(affinity);
    const place = replica.enter(tokens, kind);
    let released = false;
    call.unlink();
    call.resolve({
      name: replica.name,
      replica: replica.replica,
      release: (outcome) => {
        if (released) throw new VlprmError('ERR_INTERNAL', 'a lease was released twice', { where: replica.name });
        released = true;
        if (replica.leave(place, outcome)) this.#warmups.get(replica)?.forget();
        if (!outcome.ok) this.#lastFailure = replica.lastFailure ?? this.#lastFailure;
        if (state === 'cold') warmup!.end(affinity, outcome.ok);
        this.#serve();
      },
    });
  }

  /** What the last replica failed with; not as a `ServiceError`, because no further attempt helps. */
  #allLost(): VlprmError {
    const cause = this.#lastFailure;
    const count = this.#replicas.length;
    const { code = 'ERR_ENDPOINT_UNREACHABLE', message = 'unreachable' } = cause ?? {};
    return new VlprmError(code, count === 1 ? message : `all ${count} replicas have failed, the last one: ${message}`, {
      where: cause?.where ?? this.#replicas.map(({ name }) => name).join(', '),
      ...(cause?.fix == null ? {} : { fix: cause.fix }),
      cause,
    });
  }

  #refuseAll(): void {
    const error = this.#allLost();
    for (let calls = this.#line.heads(); calls.length > 0; calls = this.#line.heads()) {
      for (const call of calls) {
        this.#takeOut(call);
        call.unlink();
        call.reject(error);
      }
    }
  }
}

function requireSpecs(specs: readonly ReplicaSpec<unknown>[]): void {
  const names = new Set(specs.map(({ name }) => name));
  if (specs.length === 0) throw new VlprmError('ERR_CONFIG', 'a pool needs a replica');
  if (names.size < specs.length) throw new VlprmError('ERR_CONFIG', 'two replicas of a pool have the same name');
  for (const { name, weight, requestsPerMinute, tokensPerMinute, maxConcurrency } of specs) {
    const limits = { weight, requestsPerMinute, tokensPerMinute, maxConcurrency };
    for (const [limit, value] of Object.entries(limits)) {
      if (value === null || value > 0) continue;
      throw new VlprmError('ERR_CONFIG', `${limit} is ${value}`, { where: name, fix: 'give a number above 0' });
    }
  }
}

/**
 * A pool that gives each call the best replica that is healthy and has room and quota, in the order of asking.
 * Best is by affinity and weight (weighted rendezvous hashing); the next best takes what it cannot.
 * @throws ERR_CONFIG without replicas, for two of one name, and for a weight or limit that is not positive
 */
export function createReplicaPool<Replica>(
  specs: readonly ReplicaSpec<Replica>[],
  options: ReplicaPoolOptions = {},
): ReplicaPool<Replica> {
  requireSpecs(specs);
  return new Pool(specs, options);
}
