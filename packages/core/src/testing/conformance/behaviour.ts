import assert from 'node:assert/strict';
import type { Usage } from '../../records/index.ts';
import { VlprmError } from '../../runtime/errors.ts';
import type { Prefix } from '../../models/ports.ts';

/** A model under test, opened afresh. */
export interface Subject<Model> {
  readonly model: Model;
  /** Solutions that it can read, of different problems, at least two steps each; at least two of them. */
  readonly solutions: readonly Prefix[];
  /** A solution whose text is full of signs and scripts; null when its vocabulary has none. */
  readonly tricky: Prefix | null;
  /** Another image than those of the solutions. */
  readonly otherImage: Uint8Array;
  /** Largest difference of scores that are the same: batches of other sizes round otherwise. */
  readonly tolerance: number;
  /** Resolves when the model has been asked for an answer; absent where nobody could tell. */
  readonly busy?: () => Promise<void>;
  /** Resolves when nobody waits for an answer of the model any more; absent where nobody could tell. */
  readonly idle?: () => Promise<void>;
  /** True when the client hung up before every answer that it has asked for. */
  readonly abandoned?: () => boolean;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** How long every answer of the model takes. */
  readonly delayMs?: number;
}

/** Something that every model of a port does, whatever is behind it. Throws an AssertionError when it does not. */
export interface Behaviour<Model> {
  readonly name: string;
  readonly options?: OpenOptions;
  check(subject: Subject<Model>): Promise<void>;
}

export function assertUsage({ calls, promptTokens, completionTokens, usd }: Usage): void {
  assert(Number.isInteger(calls) && calls >= 0, `calls: ${calls}`);
  for (const count of [promptTokens, completionTokens, usd])
    assert(count === null || count >= 0, `usage: ${String(count)}`);
}

export async function assertCode(work: Promise<unknown>, code: string): Promise<VlprmError> {
  try {
    await work;
  } catch (error) {
    assert(VlprmError.is(error), `an error without a code: ${String(error)}`);
    assert.equal(error.code, code);
    return error;
  }
  assert.fail(`it should have thrown ${code}`);
}

const LONG_MS = 60_000;
const PROMPT_MS = 5000;

/** That a call ends with ERR_ABORTED when its signal fires, before it begins and in the middle. */
export function abortBehaviours<Model>(
  call: (subject: Subject<Model>, signal: AbortSignal) => Promise<unknown>,
): Behaviour<Model>[] {
  return [
    {
      name: 'does not begin when it was interrupted before',
      check: async (subject) => {
        await assertCode(call(subject, AbortSignal.abort()), 'ERR_ABORTED');
      },
    },
    {
      name: 'ends with ERR_ABORTED promptly, and hangs up',
      options: { delayMs: LONG_MS },
      check: async (subject) => {
        const controller = new AbortController();
        const calling = assertCode(call(subject, controller.signal), 'ERR_ABORTED');
        await (subject.busy?.() ?? new Promise((resolve) => setTimeout(resolve, 50)));
        const start = performance.now();
        controller.abort();
        await calling;
        await subject.idle?.();
        assert(performance.now() - start < PROMPT_MS, 'it went on after the abort');
        assert(subject.abandoned?.() ?? true, 'the server was left waiting');
      },
    },
  ];
}

/** That a model which was used and closed leaves no timer behind. */
export function closeBehaviour<Model>(call: (subject: Subject<Model>) => Promise<unknown>): Behaviour<Model> {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  return {
    name: 'leaves no timer behind',
    check: async (subject) => {
      const before = timers();
      await call(subject);
      await subject.close();
      assert(timers() <= before, `${timers() - before} timers are still there`);
    },
  };
}
