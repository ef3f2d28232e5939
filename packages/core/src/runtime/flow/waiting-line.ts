import { Fifo } from './fifo.ts';

/** Who stands in a line. */
export interface Waiter {
  /** Of asking. */
  readonly order: number;
  /** Names of replicas that it would rather not have. */
  readonly avoid: readonly string[];
  /** Takes it out of where it waits. */
  leave: () => void;
}

/**
 * Calls that wait, in the order of asking. Those that avoid the same replicas stand behind each other; those that avoid
 * others need not wait for them.
 */
export class WaitingLine<Call extends Waiter> {
  readonly #queues = new Map<string, Fifo<Call>>();

  get empty(): boolean {
    return this.#queues.size === 0;
  }

  add(call: Call): void {
    this.#stand(call, 'push');
  }

  /** To where they were before: ahead of all who came later. */
  addBack(calls: readonly Call[]): void {
    for (const call of calls.toReversed()) this.#stand(call, 'unshift');
  }

  /** The first of every queue, in the order of asking. */
  heads(): Call[] {
    return [...this.#queues.values()].map((queue) => queue.peek()!).sort((a, b) => a.order - b.order);
  }

  #stand(call: Call, end: 'push' | 'unshift'): void {
    const key = call.avoid.toSorted().join('\n');
    const queue = this.#queues.get(key) ?? new Fifo<Call>();
    this.#queues.set(key, queue);
    const place = queue[end](call);
    call.leave = () => {
      queue.delete(place);
      if (queue.size === 0) this.#queues.delete(key);
    };
  }
}
