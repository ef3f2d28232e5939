import { ServiceError } from '../../../runtime/gateway/index.ts';
import type { BatchConfig } from '../endpoint-config.ts';

/** A request as it stands in a file. */
export interface BatchLine {
  /** Its `custom_id`. */
  readonly id: string;
  /** One line of JSON, without its end. */
  readonly text: string;
  /** Most tokens of its prompt and answer. */
  readonly tokens: number;
}

export type FileLimits = Pick<BatchConfig, 'maxRequests' | 'maxBytes' | 'maxTokens'>;

/** Bytes of a line in the file. */
const bytesOf = ({ text }: BatchLine): number => Buffer.byteLength(text) + 1;

/** ERR_REQUEST_REFUSED for a request that no file has room for. */
export function requireRoom(line: BatchLine, { maxBytes, maxTokens = Infinity }: FileLimits, where: string): void {
  const refuse = (what: string, fix: string): never => {
    throw new ServiceError('ERR_REQUEST_REFUSED', `the request has ${what}, more than a batch file may hold`, {
      where,
      fix,
    });
  };
  if (bytesOf(line) > maxBytes) refuse(`${bytesOf(line)} bytes`, 'take smaller images, or raise `batch.maxBytes`');
  if (line.tokens > maxTokens) refuse(`up to ${line.tokens} tokens`, 'lower `maxTokens`, or raise `batch.maxTokens`');
}

/** Requests that are collected for one file, within its limits of count, bytes and tokens. */
export class BatchFile {
  readonly #limits: FileLimits;
  readonly #lines = new Map<string, BatchLine>();
  #bytes = 0;
  #tokens = 0;

  constructor(limits: FileLimits) {
    this.#limits = limits;
  }

  get ids(): string[] {
    return [...this.#lines.keys()];
  }

  get size(): number {
    return this.#lines.size;
  }

  /** JSON lines, in the order in which they came. */
  get text(): string {
    return [...this.#lines.values()].map(({ text }) => `${text}\n`).join('');
  }

  hasRoomFor(line: BatchLine): boolean {
    const { maxRequests, maxBytes, maxTokens = Infinity } = this.#limits;
    return (
      this.#lines.size < maxRequests &&
      this.#bytes + bytesOf(line) <= maxBytes &&
      this.#tokens + line.tokens <= maxTokens
    );
  }

  add(line: BatchLine): void {
    this.#lines.set(line.id, line);
    this.#bytes += bytesOf(line);
    this.#tokens += line.tokens;
  }

  remove(id: string): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    this.#lines.delete(id);
    this.#bytes -= bytesOf(line);
    this.#tokens -= line.tokens;
  }
}
