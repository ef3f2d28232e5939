import { addCounts, NO_USAGE } from '../../records/index.ts';
import { createBudget, type Budget, type CallCost, type Reservation } from '../budget.ts';
import { contentHash } from '../content-hash.ts';
import { throwIfAborted, VlprmError } from '../errors.ts';
import { untilAborted, within } from '../flow/abort.ts';
import { systemClock, type Clock } from '../flow/clock.ts';
import type { CallOutcome, Lease, ReplicaPool } from '../flow/replica-pool.ts';
import { isLastingFailure } from '../flow/replica.ts';
import { retry, type RetryOptions } from '../flow/retry.ts';
import type { LedgerAccess, LedgerEntry } from '../ledger.ts';
import { priceUsage, type PriceTable } from '../prices.ts';
import type { Random } from '../random.ts';
import type { Answered, CallOptions, Delivered, Gateway, ServiceCall, TokenEstimate } from './gateway.ts';
import { ServiceError } from './service-error.ts';
import { SharedCall } from './shared-call.ts';

/** Part of every key: raised when what a key stands for changes. */
const CALL_SCHEMA = 'vlprm.call/1';

export interface GatewayOptions<Replica> {
  readonly pool: ReplicaPool<Replica>;
  /** Stays open when the gateway is closed. */
  readonly ledger: LedgerAccess;
  /** One for all gateways of a run. Default: no limits. */
  readonly budget?: Budget;
  /** Default: no price is known. */
  readonly prices?: PriceTable;
  readonly retry?: Omit<RetryOptions, 'signal' | 'random' | 'clock' | 'deadlineAt'>;
  /** For one attempt; Infinity for no limit. Default 600,000. */
  readonly timeoutMs?: number;
  readonly random?: Pick<Random, 'uniform'>;
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT_MS = 600_000;

/** The key under which the ledger keeps the answer of a call. */
export function callKey({ content }: Pick<ServiceCall<never, never>, 'content'>): string {
  return contentHash({ schema: CALL_SCHEMA, content });
}

function mostCost({ model, estimate }: { model: string; estimate: TokenEstimate }, prices: PriceTable): CallCost {
  const { usd } = priceUsage({ calls: 1, ...estimate, usd: null }, model, prices);
  return { model, tokens: estimate.promptTokens + estimate.completionTokens, usd };
}

function fromLedger<Answer>({ answerSchema, stage }: ServiceCall<never, Answer>, entry: LedgerEntry): Answered<Answer> {
  const parsed = answerSchema.safeParse(entry.value);
  if (parsed.success) return { answer: parsed.data, usage: entry.usage, source: 'ledger' };
  throw new VlprmError('ERR_FILE_MALFORMED', `the ledger's answer to a ${stage} is not what this version writes`, {
    where: `ledger key ${entry.key}`,
    fix: 'go on in a new run folder',
    cause: parsed.error,
  });
}

class LedgeredGateway<Replica> implements Gateway<Replica> {
  readonly #options: GatewayOptions<Replica>;
  readonly #budget: Budget;
  readonly #prices: PriceTable;
  readonly #clock: Clock;
  readonly #inFlight = new Map<string, SharedCall<Answered<unknown>>>();
  #closed = false;

  constructor(options: GatewayOptions<Replica>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#prices = options.prices ?? {};
    this.#budget = options.budget ?? createBudget({}, { clock: this.#clock });
  }

  async call<Answer>(call: ServiceCall<Replica, Answer>, options: CallOptions = {}): Promise<Answered<Answer>> {
    if (this.#closed) throw new VlprmError('ERR_INTERNAL', `a ${call.stage} after its gateway was closed`);
    throwIfAborted(options.signal);
    const key = callKey(call);
    const other = this.#inFlight.get(key);
    if (other !== undefined && !other.abandoned) {
      const { answer } = await this.#wait(other, options);
      return { answer: call.answerSchema.parse(answer), usage: NO_USAGE, source: 'in-flight' };
    }
    const callerStays = options.signal === undefined && options.deadlineMs === undefined;
    const shared = new SharedCall<Answered<Answer>>(
      (signal, self) => this.#answer(call, key, signal, self),
      callerStays,
    );
    this.#inFlight.set(key, shared);
    return callerStays ? shared.result : this.#wait(shared, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#inFlight.values()].map(({ result }) => result));
  }

  /** Waits for a call within the caller's own limits. */
  #wait<Answer>(shared: SharedCall<Answer>, { signal, deadlineMs }: CallOptions): Promise<Answer> {
    if (deadlineMs === undefined) return shared.join((result) => untilAborted(result, signal));
    const timeoutError = (): VlprmError => {
      const last = shared.lastFailure;
      const before = last === null ? '' : `; the last attempt: ${last.message}`;
      return new ServiceError('ERR_TIMEOUT', `no answer within a deadline of ${deadlineMs} ms${before}`, {
        fix: 'allow more time',
        ...(last !== null && { cause: last, ...(last.where !== null && { where: last.where }) }),
      });
    };
    return shared.join((result) => within({ signal, timeoutMs: deadlineMs, timeoutError }, () => result, this.#clock));
  }

  async #answer<Answer>(
    call: ServiceCall<Replica, Answer>,
    key: string,
    signal: AbortSignal | undefined,
    self: SharedCall<Answered<Answer>>,
  ): Promise<Answered<Answer>> {
    try {
      const known = await this.#options.ledger.get(key);
      if (known !== null) return fromLedger(call, known);
      const { answer, usage, cachedPromptTokens } = await this.#buy(call, signal, self);
      await this.#options.ledger.put({ key, stage: call.stage, value: answer, usage });
      return { answer, usage, ...(cachedPromptTokens !== undefined && { cachedPromptTokens }), source: 'service' };
    } finally {
      self.settled = true;
      if (this.#inFlight.get(key) === self) this.#inFlight.delete(key);
    }
  }

  /** Sends the call until an attempt succeeds, within the budget's wall time. */
  #buy<Answer>(
    call: ServiceCall<Replica, Answer>,
    signal: AbortSignal | undefined,
    self: SharedCall<unknown>,
  ): Promise<Delivered<Answer>> {
    const { retry: policy = {}, random } = this.#options;
    const cost = mostCost(call, this.#prices);
    const failed: string[] = [];
    const attempts = (limited: AbortSignal | undefined): Promise<Delivered<Answer>> =>
      retry(() => this.#attempt(call, cost, failed, limited), {
        // The pool holds back the replica that asked to wait: the others may go on.
        leastWaitMs: () => 0,
        mayRetry: (error) => error.retryable || (isLastingFailure(error) && this.#hasOther(failed)),
        ...policy,
        ...(random && { random }),
        onRetry: (error, attempt, waitMs) => {
          self.lastFailure = error;
          policy.onRetry?.(error, attempt, waitMs);
        },
        signal: limited,
        clock: this.#clock,
      });
    const left = this.#budget.remainingMs();
    if (left === Infinity) return attempts(signal);
    const limits = { signal, timeoutMs: left, timeoutError: () => this.#budget.outOfTime() };
    return within(limits, (stop) => attempts(stop.signal), this.#clock);
  }

  /** Is a replica in use that has not failed this call? */
  #hasOther(failed: readonly string[]): boolean {
    return this.#options.pool.status().some(({ name, healthy }) => healthy && !failed.includes(name));
  }

  /** One attempt within the budget: what it was billed is settled, also when it failed. */
  async #attempt<Answer>(
    call: ServiceCall<Replica, Answer>,
    cost: CallCost,
    failed: string[],
    signal: AbortSignal | undefined,
  ): Promise<Delivered<Answer>> {
    const reservation = await this.#budget.reserve(cost, signal);
    let lease: Lease<Replica> | undefined;
    try {
      lease = await this.#options.pool.lease(
        { affinity: call.affinity, kind: call.stage, tokens: cost.tokens, avoid: failed },
        signal,
      );
      const began = this.#clock.now();
      const delivered = await this.#send(call, lease, signal);
      const usage = priceUsage(delivered.usage, call.model, this.#prices, delivered.cachedPromptTokens);
      lease.release(answered(delivered, this.#clock.now() - began));
      reservation.settle(usage);
      return { ...delivered, usage };
    } catch (error) {
      if (lease !== undefined) {
        failed.push(lease.name);
        lease.release({ ok: false, error });
      }
      this.#settleFailed(reservation, call.model, error);
      throw error;
    }
  }

  #settleFailed(reservation: Reservation, model: string, error: unknown): void {
    if (!(error instanceof ServiceError) || error.usage === null) reservation.release();
    else reservation.settle(priceUsage(error.usage, model, this.#prices));
  }

  #send<Answer>(
    call: ServiceCall<Replica, Answer>,
    { name, replica }: Lease<Replica>,
    signal: AbortSignal | undefined,
  ): Promise<Delivered<Answer>> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const limits = { signal, timeoutMs, timeoutError: () => timedOut(name, timeoutMs) };
    return within(limits, (stop) => call.send(replica, stop), this.#clock);
  }
}

function answered({ usage, quota }: Delivered<unknown>, latencyMs: number): CallOutcome {
  return { ok: true, latencyMs, tokens: addCounts(usage.promptTokens, usage.completionTokens), quota };
}

function timedOut(replica: string, timeoutMs: number): ServiceError {
  return new ServiceError('ERR_TIMEOUT', `no answer within ${timeoutMs / 1000} s`, {
    where: replica,
    fix: 'raise timeoutSeconds, or lower maxConcurrency',
  });
}

/** A gateway to the replicas of a pool: see {@link Gateway} for what a call goes through. */
export function createGateway<Replica>(options: GatewayOptions<Replica>): Gateway<Replica> {
  return new LedgeredGateway(options);
}
