import { abortError, throwIfAborted, VlprmError } from '../../../runtime/errors.ts';
import { isLastingFailure, onAbort, sleep, type Clock } from '../../../runtime/flow/index.ts';
import { ServiceError } from '../../../runtime/gateway/index.ts';
import type { Received } from '../transport.ts';
import type { BatchApi } from './batch-api.ts';
import type { BatchFile } from './batch-file.ts';
import type { BatchRecord, BatchRecords } from './batch-records.ts';
import { readRow, type RowOutcome } from './batch-rows.ts';
import type { BatchSlots } from './batch-slots.ts';
import { isQueueFull, phaseOf, saysQueueFull, type BatchState } from './batch-state.ts';

/** What the batches of one queue share. */
export interface BatchSurroundings {
  readonly api: BatchApi;
  readonly records: BatchRecords;
  readonly slots: BatchSlots;
  /** The endpoint, for errors. */
  readonly where: string;
  readonly pollMs: number;
  readonly clock: Clock;
  /** Told what is worth telling and stops nothing. */
  warn(message: string): void;
  /** Told how many of the batch's requests the service has answered, whenever it says so. */
  answered(batch: Batch, count: number): void;
  /** Told when the batch has been carried out, or given up: then it can be waited for again where it has a record. */
  ended(batch: Batch, carriedOut: boolean): void;
}

interface Waiter {
  /** Came while the answers were being read: its row may have passed. */
  readonly late: boolean;
  resolve(received: Received | null): void;
  reject(error: unknown): void;
  /** Has it ask again, for nothing is known yet. */
  turnAway(): void;
}

/** Refusals for a full queue that are waited out while no batch of ours is in it. */
const MOST_REFUSALS = 10;
const LONGEST_BACKOFF = 32;
const SEND_AGAIN = 'run the same command again: what is missing is sent again';

const wordsOf = ({ code, message }: BatchState['errors'][number]): string => `${code}: ${message}`;

/**
 * A file of requests on its way: uploaded, made into a batch, watched, and its answers handed to those who wait for them,
 * each by the id of its request. When nobody waits any more the batch is left to the service, which has it all the same.
 */
export class Batch {
  readonly #shared: BatchSurroundings;
  /** Requests that are still to be uploaded. */
  #file: BatchFile | null;
  readonly #waiting = new Map<string, Waiter>();
  readonly #stop = new AbortController();
  readonly #settled = new Set<string>();
  /** Why a row brought no answer. */
  readonly #reasons = new Map<string, string>();
  #record: BatchRecord | null;
  #running = false;
  #reading = false;

  /** @param source requests to send, or what an earlier run has uploaded */
  constructor(source: BatchFile | { readonly record: BatchRecord }, shared: BatchSurroundings) {
    this.#shared = shared;
    [this.#file, this.#record] = 'record' in source ? [null, source.record] : [source, null];
  }

  get ids(): readonly string[] {
    return this.#record?.ids ?? this.#file?.ids ?? [];
  }

  /** What the service has of it; null before it has anything. */
  get record(): BatchRecord | null {
    return this.#record;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Has this request come to an outcome? */
  hasSettled(id: string): boolean {
    return this.#settled.has(id);
  }

  /**
   * The outcome of a request; null when it is to be asked again: a batch of an earlier run ended without an answer to it,
   * or it came while the answers were being read. In the first case it has settled.
   * @throws ServiceError, ERR_BATCH_FAILED; what the signal was aborted with
   */
  outcome(id: string, signal: AbortSignal): Promise<Received | null> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const leave = (): void => {
        unlink();
        this.#waiting.delete(id);
      };
      const unlink = onAbort(signal, () => {
        leave();
        if (!this.#running) this.#file?.remove(id);
        else if (this.#waiting.size === 0) this.#stop.abort(abortError(signal));
        reject(abortError(signal));
      });
      this.#waiting.set(id, {
        late: this.#reading,
        turnAway: () => {
          leave();
          resolve(null);
        },
        resolve: (received) => {
          leave();
          this.#settled.add(id);
          resolve(received);
        },
        reject: (error) => {
          leave();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it came
          reject(error);
        },
      });
    });
  }

  /** Carries it out, until every outcome is known or nobody waits for one. Never rejects: those who wait are told. */
  async run(): Promise<void> {
    this.#running = true;
    const { signal } = this.#stop;
    try {
      if (this.#record === null) await this.#carryOut(await this.#upload(signal), null, signal);
      else await this.#resume(this.#record, signal);
      this.#shared.ended(this, true);
      for (const waiter of [...this.#waiting.values()]) waiter.turnAway();
    } catch (error) {
      // Before those who wait are told: what they ask next is not for this batch.
      this.#shared.ended(this, false);
      if (signal.aborted && this.#record !== null) this.#warnOfRest(this.#record);
      for (const waiter of [...this.#waiting.values()]) waiter.reject(error);
    }
  }

  #warnOfRest({ ids }: BatchRecord): void {
    const rest = ids.length - this.#settled.size;
    this.#shared.warn(`a batch with ${rest} requests is left to the service: the same command waits for it again`);
  }

  async #upload(signal: AbortSignal): Promise<BatchRecord> {
    const { api, records } = this.#shared;
    const { ids } = this;
    const record = { ...(await api.upload(this.#file?.text ?? '', signal)), ids: [...ids] };
    await records.add(record);
    this.#record = record;
    this.#file = null;
    return record;
  }

  /** What an earlier run left: a batch to wait for, one that has ended, or a file that no batch was made of. */
  async #resume(record: BatchRecord, signal: AbortSignal): Promise<void> {
    const found = await this.#shared.api.find(record, signal);
    const over = found !== null && ['ended', 'failed'].includes(phaseOf(found)) && !isQueueFull(found);
    if (over) await this.#hearAnswers(found, true, signal);
    else {
      try {
        await this.#carryOut(record, found, signal);
        return;
      } catch (error) {
        const gone = found === null && error instanceof ServiceError && [400, 404].includes(error.status ?? 0);
        if (!gone) throw error;
      }
    }
    for (const [, waiter] of this.#inTime()) waiter.resolve(null);
  }

  #inTime(): [string, Waiter][] {
    return [...this.#waiting].filter(([, { late }]) => !late);
  }

  async #carryOut(record: BatchRecord, found: BatchState | null, signal: AbortSignal): Promise<void> {
    const state = await this.#end(record, found, signal);
    await this.#hearAnswers(state, false, signal);
    const lines = new Map(record.ids.map((id, i) => [id, i + 1]));
    for (const [id, waiter] of this.#inTime()) {
      const error = this.#unanswered(state, id, lines.get(id));
      this.#settled.add(id);
      waiter.reject(error);
    }
  }

  /** The batch of the file when it has ended. One that the service had no room for is made again. */
  async #end(record: BatchRecord, found: BatchState | null, signal: AbortSignal): Promise<BatchState> {
    const { slots, pollMs, clock } = this.#shared;
    const release = found !== null && phaseOf(found) === 'open' ? slots.enter() : await slots.take(signal);
    try {
      for (let state = found, tries = 0, alone = 0; ; tries++) {
        state ??= await this.#create(record, signal);
        while (state !== null && phaseOf(state) === 'open') {
          await sleep(pollMs, signal, clock);
          state = await this.#shared.api.retrieve(state.id, signal);
          if (state.answered !== null) this.#shared.answered(this, state.answered);
        }
        if (state !== null && !isQueueFull(state)) return state;
        const readmit = slots.refuse();
        try {
          if (slots.allRefused && ++alone > MOST_REFUSALS) throw this.#queueFull();
          await sleep(pollMs * Math.min(LONGEST_BACKOFF, 2 ** tries), signal, clock);
        } finally {
          readmit();
        }
        state = null;
      }
    } finally {
      release();
    }
  }

  /** Null when the service has no room for it now. */
  async #create(record: BatchRecord, signal: AbortSignal): Promise<BatchState | null> {
    try {
      return await this.#shared.api.create(record, signal);
    } catch (error) {
      if (error instanceof ServiceError && saysQueueFull(error.message)) return null;
      throw error;
    }
  }

  async #hearAnswers(state: BatchState, answersAlone: boolean, signal: AbortSignal): Promise<void> {
    this.#reading = true;
    const known = new Set(this.#record?.ids);
    const strange = { unknown: 0, repeated: 0, unreadable: 0 };
    for (const file of state.answerFiles) {
      await this.#shared.api.readLines(
        file,
        () => {
          const seen = new Set<string>();
          return (line) => {
            const row = readRow(line);
            if (row === null) strange.unreadable += 1;
            else if (!known.has(row.id)) strange.unknown += 1;
            else if (seen.has(row.id)) strange.repeated += 1;
            else {
              seen.add(row.id);
              this.#hear(row.id, row.outcome, answersAlone);
            }
          };
        },
        signal,
      );
    }
    const counts = Object.entries(strange).filter(([, count]) => count > 0);
    if (counts.length === 0) return;
    this.#shared.warn(
      `batch ${state.id}: ignored ${counts.map(([what, count]) => `${count} ${what}`).join(', ')} rows`,
    );
  }

  /** A request whose row says nothing waits on: what becomes of it is decided when all rows have been heard. */
  #hear(id: string, outcome: RowOutcome, answersAlone: boolean): void {
    if (outcome.ok === null) this.#reasons.set(id, outcome.reason);
    else if (outcome.ok || !answersAlone) this.#waiting.get(id)?.resolve(outcome);
  }

  /**
   * Why a request has no answer, with what the service says of the batch. A ServiceError is about this request; any other
   * is about the batch, and would be said of every request in it.
   */
  #unanswered(state: BatchState, id: string, line: number | undefined): VlprmError {
    const { where } = this.#shared;
    const phase = phaseOf(state);
    if (phase === 'unknown') {
      return new VlprmError('ERR_BATCH_FAILED', `batch ${state.id} has a status that is not known: "${state.status}"`, {
        where,
        fix: `look at it at the service's site, then ${SEND_AGAIN}`,
      });
    }
    if (phase === 'failed') {
      const blamed = state.errors.filter((error) => error.line !== null);
      if (blamed.length === 0) return this.#failed(state);
      const own = blamed.find((error) => error.line === line);
      if (own !== undefined) return this.#refused(state, own);
    }
    const byDefault = phase === 'failed' ? 'another request made it fail' : `it is ${state.status}`;
    const reason = this.#reasons.get(id) ?? byDefault;
    return new ServiceError('ERR_BATCH_FAILED', `batch ${state.id} has no answer to the request: ${reason}`, {
      where,
      fix: 'raise `maxAttempts`, the batches that a request may be in',
    });
  }

  /** The batch failed for this request: what the words stand for, if sending it again could not help. */
  #refused(state: BatchState, error: BatchState['errors'][number]): ServiceError {
    const { where, api } = this.#shared;
    const meant = api.failureOf(error);
    if (isLastingFailure(meant)) return meant;
    return new ServiceError('ERR_REQUEST_REFUSED', `batch ${state.id} failed for the request: ${wordsOf(error)}`, {
      where,
      fix: 'change what the service names',
    });
  }

  #failed({ id, errors: [first] }: BatchState): VlprmError {
    const { where, api } = this.#shared;
    const meant = first === undefined ? null : api.failureOf(first);
    if (meant !== null && isLastingFailure(meant)) return meant;
    const said = first === undefined ? 'without a word' : wordsOf(first);
    return new VlprmError('ERR_BATCH_FAILED', `batch ${id} failed: ${said}`, {
      where,
      fix: `change what the service names, then ${SEND_AGAIN}`,
    });
  }

  #queueFull(): VlprmError {
    return new VlprmError('ERR_BATCH_FAILED', 'the service has no room for the batch: too many tokens wait there', {
      where: this.#shared.where,
      fix: 'lower `batch.maxTokens`, or wait for the batches of others',
    });
  }
}
