import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../runtime/errors.ts';

/** What goes wrong with the calls of a scripted model. Calls are counted from 0. */
export interface Faults {
  /** Calls that are rejected as a whole, as when a server is gone. */
  readonly failCalls?: readonly number[];
  /** Time that each call takes, in milliseconds; an abort ends it early. */
  readonly delayMs?: number;
}

/** The error of a scripted failure. */
export class ScriptedFailure extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'ScriptedFailure';
  }
}

/** Records a call, then lets it take its time or fail. ERR_ABORTED when the signal fires. */
export async function receiveCall<Call>(
  calls: Call[],
  call: Call,
  { failCalls = [], delayMs }: Faults,
  signal: AbortSignal | undefined,
): Promise<void> {
  throwIfAborted(signal);
  const number = calls.push(call) - 1;
  if (delayMs !== undefined) {
    await sleep(delayMs, undefined, signal ? { signal } : {}).catch((cause: unknown) => {
      throwIfAborted(signal);
      throw cause;
    });
  }
  if (failCalls.includes(number)) throw new ScriptedFailure(`scripted failure of call ${number}`);
}

/** Number of words, the scripted models' measure of tokens. */
export function countWords(texts: readonly string[]): number {
  return texts.reduce((total, text) => total + text.split(/\s+/).filter((word) => word !== '').length, 0);
}
