import { contentHash } from '@vlprm/core/runtime';
import type { FaultKind, ReceivedRequest } from '@vlprm/core/testing';

/** Faults after which the answer is still what was asked for: nobody asks for log-probabilities here. */
const HARMLESS: ReadonlySet<FaultKind | null> = new Set([null, 'slow-first-byte', 'missing-logprobs']);

function isQuestion(body: unknown): boolean {
  return JSON.stringify(body).includes('<question>');
}

/** What servers were asked and what they answered, by content of the requests. Probes are left out. */
export class CallTally {
  readonly #asked = new Set<string>();
  readonly #askedInLife = new Set<string>();
  readonly #answered = new Set<string>();
  readonly #filtered = new Set<string>();
  readonly #faults: Partial<Record<FaultKind, number>> = {};
  #requests = 0;
  #repeatedAfterAnswer = 0;

  record({ method, body, fault, status, abandoned }: ReceivedRequest): void {
    if (method !== 'POST' || !isQuestion(body)) return;
    const content = contentHash(body);
    this.#requests += 1;
    this.#asked.add(content);
    this.#askedInLife.add(content);
    if (this.#answered.has(content)) this.#repeatedAfterAnswer += 1;
    if (fault !== null) this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
    if (fault === 'content-filter') this.#filtered.add(content);
    if (status === 200 && !abandoned && HARMLESS.has(fault)) this.#answered.add(content);
  }

  /** A process asks from now on that may ask again what one before it has asked. */
  beginLife(): void {
    this.#askedInLife.clear();
  }

  /** Distinct contents that were asked for in this life, without those that a filter withholds. */
  get unfilteredInLife(): number {
    return [...this.#askedInLife].filter((content) => !this.#filtered.has(content)).length;
  }

  get requests(): number {
    return this.#requests;
  }

  /** Distinct contents that were asked for. */
  get asked(): number {
    return this.#asked.size;
  }

  /** Of those: what a content filter withholds at every attempt. */
  get filtered(): number {
    return this.#filtered.size;
  }

  /** Requests for a content that had been answered whole before. */
  get repeatedAfterAnswer(): number {
    return this.#repeatedAfterAnswer;
  }

  /** Faults done on purpose, by kind. */
  get faults(): Readonly<Partial<Record<FaultKind, number>>> {
    return this.#faults;
  }
}
