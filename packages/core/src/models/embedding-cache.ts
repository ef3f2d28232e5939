/** Image embeddings by image hash; the one used longest ago makes room when it is full. */
export class EmbeddingCache {
  readonly #entries = new Map<string, Float32Array>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(hash: string): Float32Array | undefined {
    const found = this.#entries.get(hash);
    if (found !== undefined) {
      this.#entries.delete(hash);
      this.#entries.set(hash, found);
    }
    return found;
  }

  set(hash: string, embedding: Float32Array): void {
    this.#entries.delete(hash);
    this.#entries.set(hash, embedding);
    if (this.#entries.size <= this.#capacity) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
