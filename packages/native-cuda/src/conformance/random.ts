/** Seeded numbers for tests and benchmarks (mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform integer in [minimum, maximum]. */
  integer(minimum: number, maximum: number): number {
    return minimum + Math.floor(this.uniform() * (maximum - minimum + 1));
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(length: number, scale = 1): Float32Array {
    return Float32Array.from({ length }, () => scale * this.normal());
  }

  /** Offsets of `count` segments of 0..longest elements, about one in six of them empty. */
  offsets(count: number, longest: number): Int32Array {
    const offsets = new Int32Array(count + 1);
    for (let i = 0; i < count; i += 1) {
      offsets[i + 1] = (offsets[i] as number) + (this.uniform() < 1 / 6 ? 0 : this.integer(1, longest));
    }
    return offsets;
  }

  /** Offsets that cut `total` elements into `count` segments at random places. */
  cuts(total: number, count: number): Int32Array {
    const inner = Array.from({ length: count - 1 }, () => this.integer(0, total)).toSorted((a, b) => a - b);
    return Int32Array.of(0, ...inner, total);
  }

  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i -= 1) {
      const j = this.integer(0, i);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    return order;
  }
}
