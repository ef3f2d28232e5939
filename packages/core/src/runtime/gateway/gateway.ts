import type { z } from 'zod';
import type { Usage } from '../../records/index.ts';
import type { Stop } from '../flow/abort.ts';
import type { QuotaReport } from '../flow/replica-pool.ts';

/** What one attempt of a call brought back. */
export interface Delivered<Answer> {
  /** A JSON value. */
  readonly answer: Answer;
  /** As the service reports it; `usd` only where the service itself names a cost. */
  readonly usage: Usage;
  /** Tokens of the prompt that came from the service's cache, for their price; left out where it does not tell. */
  readonly cachedPromptTokens?: number;
  /** What the service said of its limits; null when it said nothing. */
  readonly quota: QuotaReport | null;
}

/** Most tokens that a call can use: what is reserved before it is sent. */
export interface TokenEstimate {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A call to a model service, before a replica is chosen for it. */
export interface ServiceCall<Replica, Answer> {
  /** What the call is for, for totals in the ledger: `call/policy`, `call/judge`, `call/prm`, `call/probe`. */
  readonly stage: string;
  /** Model name, as the price table knows it. */
  readonly model: string;
  /**
   * Everything that the answer depends on, as JSON: operation, model, request with images by hash, seed.
   * Never an address, a key or image bytes. Its hash is the key in the ledger.
   */
  readonly content: unknown;
  /** Calls of equal affinity share a prompt prefix: they go to one replica while it is healthy. */
  readonly affinity: string;
  readonly estimate: TokenEstimate;
  /** Reads an answer that the ledger has kept. */
  readonly answerSchema: z.ZodType<Answer>;
  /** One attempt. Throws a `ServiceError` when it fails, ERR_ABORTED when the signal of `stop` fires. */
  send(replica: Replica, stop: Stop): Promise<Delivered<Answer>>;
}

/** An answer, what it cost, and where it came from. */
export interface Answered<Answer> {
  readonly answer: Answer;
  /**
   * From the service or the ledger: what the answer cost when it was made, priced by the table. Attempts that failed and
   * were billed are in the budget alone.
   * From a call in flight: nothing, for the call that is in flight has it all.
   */
  readonly usage: Usage;
  /** As the service reported it with this very call; left out where it did not, and for answers from elsewhere. */
  readonly cachedPromptTokens?: number;
  readonly source: 'service' | 'ledger' | 'in-flight';
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds for the call with all its attempts and waits; ERR_TIMEOUT when they are over. */
  readonly deadlineMs?: number;
}

/**
 * Where every call to a model goes through. In this order: an answer in the ledger is taken from there; a call that is
 * in flight already is waited for; the budget is reserved; a replica is chosen; the call is sent, and sent again after
 * failures that may pass; the answer is stored; only then it is handed out. What was reserved and not used is given back.
 * A failed call stores nothing.
 */
export interface Gateway<Replica> {
  call<Answer>(call: ServiceCall<Replica, Answer>, options?: CallOptions): Promise<Answered<Answer>>;
  /** Waits for calls in flight and for what they store; later calls are refused. */
  close(): Promise<void>;
}
