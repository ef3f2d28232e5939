import { throwIfAborted } from '../../../runtime/errors.ts';
import type { Clock, RetryOptions } from '../../../runtime/flow/index.ts';
import type { Events } from '../../../runtime/events.ts';
import type { LedgerAccess } from '../../../runtime/ledger.ts';
import type { BatchAddresses } from '../dialects/dialect.ts';
import type { BatchConfig, EndpointKind } from '../endpoint-config.ts';
import type { EndpointReplica } from '../replica.ts';
import type { Received } from '../transport.ts';
import { Batch, type BatchSurroundings } from './batch.ts';
import { createBatchApi } from './batch-api.ts';
import { BatchFile, requireRoom, type BatchLine } from './batch-file.ts';
import { batchRecords } from './batch-records.ts';
import { BatchSlots } from './batch-slots.ts';

/** A chat completion that can wait. */
export interface BatchRequest {
  /** Equal for equal requests, in this run and in the next: its `custom_id`. */
  readonly id: string;
  /** Most tokens of prompt and answer. */
  readonly tokens: number;
  /** As it would be posted. */
  readonly body: unknown;
}

export interface BatchQueueOptions {
  readonly config: BatchConfig;
  readonly replica: EndpointReplica;
  readonly addresses: BatchAddresses;
  readonly kind: EndpointKind;
  /** Remembers what was uploaded; stays open. */
  readonly ledger: LedgerAccess;
  /** For one HTTP request. */
  readonly timeoutMs: number;
  /** Of HTTP requests. */
  readonly retry: Omit<RetryOptions, 'signal' | 'clock'>;
  readonly clock: Clock;
  readonly events?: Events;
}

/**
 * Sends requests through a batch API. Requests are collected until none has come for a while or a file is full, and each
 * gets the outcome of its own row. A request that an earlier run has sent is waited for and not sent again.
 */
export interface BatchQueue {
  /**
   * @returns the answer, or the response that refused it
   * @throws ServiceError; ERR_BATCH_FAILED; what the signal was aborted with: its batch is then left to the service
   */
  post(request: BatchRequest, signal: AbortSignal): Promise<Received>;
  /** Waits for what is still being read, once nobody waits for an answer. */
  close(): Promise<void>;
}

class CollectingBatchQueue implements BatchQueue {
  readonly #options: BatchQueueOptions;
  readonly #shared: BatchSurroundings;
  readonly #slots: BatchSlots;
  /** The batch that has a request: of this run, or of an earlier one. */
  readonly #sent = new Map<string, Batch>();
  /** Requests that the service has answered, of each batch that is open. */
  readonly #answered = new Map<Batch, number>();
  readonly #began: number;
  #total = 0;
  #done = 0;
  readonly #runs = new Set<Promise<void>>();
  #restored: Promise<void> | undefined;
  #draft: { readonly file: BatchFile; readonly batch: Batch } | null = null;
  #cancelQuiet: (() => void) | undefined;
  /** No request has come for a while. */
  #quiet = false;

  constructor(options: BatchQueueOptions) {
    this.#options = options;
    this.#began = options.clock.now();
    const { config, replica, ledger, clock, events } = options;
    const pollMs = config.pollSeconds * 1000;
    this.#slots = new BatchSlots(config.maxOpen, () => this.#sendWhenDue());
    this.#shared = {
      api: createBatchApi({ ...options, pollMs }),
      records: batchRecords(ledger, { endpoint: replica.where, model: replica.model }),
      slots: this.#slots,
      where: replica.where,
      pollMs,
      clock,
      answered: (batch, count) => this.#progress(batch, count),
      ended: (batch, carriedOut) => this.#forget(batch, carriedOut),
      warn: (message) => events?.emit({ type: 'warning', stage: this.#stage, message }),
    };
  }

  async post({ id, tokens, body }: BatchRequest, signal: AbortSignal): Promise<Received> {
    const { addresses, config, replica } = this.#options;
    const text = JSON.stringify({ custom_id: id, method: 'POST', url: addresses.route, body });
    const line = { id, text, tokens };
    requireRoom(line, config, replica.where);
    this.#restored ??= this.#restore();
    await this.#restored;
    for (;;) {
      throwIfAborted(signal);
      const received = await this.#outcome(line, signal);
      if (received !== null) return received;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#runs);
  }

  async #restore(): Promise<void> {
    for (const record of await this.#shared.records.load()) {
      const batch = new Batch({ record }, this.#shared);
      for (const id of record.ids) this.#sent.set(id, batch);
    }
  }

  #outcome(line: BatchLine, signal: AbortSignal): Promise<Received | null> {
    const batch = this.#sent.get(line.id);
    if (batch === undefined || batch.hasSettled(line.id)) return this.#collect(line, signal);
    const outcome = batch.outcome(line.id, signal);
    if (!batch.running) this.#start(batch);
    return outcome;
  }

  #collect(line: BatchLine, signal: AbortSignal): Promise<Received | null> {
    if (this.#draft?.file.hasRoomFor(line) === false) this.#sendDraft();
    if (this.#draft === null) {
      const file = new BatchFile(this.#options.config);
      this.#draft = { file, batch: new Batch(file, this.#shared) };
    }
    const { file, batch } = this.#draft;
    file.add(line);
    this.#waitForQuiet();
    return batch.outcome(line.id, signal).finally(() => {
      if (file.size === 0 && this.#draft?.file === file) this.#takeDraft();
    });
  }

  get #stage(): string {
    return `batches of ${this.#options.replica.model}`;
  }

  #waitForQuiet(): void {
    const { clock, config } = this.#options;
    this.#cancelQuiet?.();
    this.#quiet = false;
    this.#cancelQuiet = clock.after(config.quietSeconds * 1000, () => {
      this.#quiet = true;
      this.#sendWhenDue();
    });
  }

  /** While all places are taken the file goes on growing. */
  #sendWhenDue(): void {
    if (this.#quiet && this.#slots.free) this.#sendDraft();
  }

  #takeDraft(): Batch | null {
    this.#cancelQuiet?.();
    const batch = this.#draft?.batch ?? null;
    this.#draft = null;
    return batch;
  }

  #sendDraft(): void {
    const batch = this.#takeDraft();
    if (batch === null) return;
    for (const id of batch.ids) this.#sent.set(id, batch);
    this.#start(batch);
  }

  #start(batch: Batch): void {
    this.#total += batch.ids.length;
    this.#progress(batch, 0);
    const run = batch.run().finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  /** What has not come to an outcome can still be waited for, where the service has it. */
  #forget(batch: Batch, carriedOut: boolean): void {
    const rest = batch.record === null ? null : new Batch({ record: batch.record }, this.#shared);
    for (const id of batch.ids) {
      if (this.#sent.get(id) !== batch) continue;
      if (rest === null || batch.hasSettled(id)) this.#sent.delete(id);
      else this.#sent.set(id, rest);
    }
    this.#answered.delete(batch);
    if (carriedOut) this.#done += batch.ids.length;
    else this.#total -= batch.ids.length;
    this.#tell();
  }

  #progress(batch: Batch, answered: number): void {
    this.#answered.set(batch, answered);
    this.#tell();
  }

  #tell(): void {
    const { clock, events } = this.#options;
    const done = [...this.#answered.values()].reduce((sum, count) => sum + count, this.#done);
    const elapsedSeconds = (clock.now() - this.#began) / 1000;
    events?.emit({
      type: 'progress',
      stage: this.#stage,
      done,
      total: this.#total,
      elapsedSeconds,
      etaSeconds: null,
      perSecond: null,
    });
  }
}

export function createBatchQueue(options: BatchQueueOptions): BatchQueue {
  return new CollectingBatchQueue(options);
}
