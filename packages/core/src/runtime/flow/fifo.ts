/** First in, first out; whoever waits in it can leave. All operations take amortised constant time. */
export class Fifo<T> {
  readonly #items = new Map<number, T>();
  #first = 0;
  #end = 0;

  get size(): number {
    return this.#items.size;
  }

  /** Returns the place, for `delete`. */
  push(item: T): number {
    this.#items.set(this.#end, item);
    return this.#end++;
  }

  /** To the front. Returns the place, for `delete`. */
  unshift(item: T): number {
    this.#items.set(--this.#first, item);
    return this.#first;
  }

  delete(place: number): boolean {
    return this.#items.delete(place);
  }

  peek(): T | undefined {
    while (this.#first < this.#end && !this.#items.has(this.#first)) this.#first++;
    return this.#items.get(this.#first);
  }
}
