/** Tables of float64 that every backend reads, so that no kernel calls a logarithm or a power of its own. */

/** What the exploration term depends on besides the child: a function of the parent's visits N. */
export interface ExplorationRule {
  /** Equal keys mean equal factors. */
  readonly key: string;
  readonly factor: (visits: number) => number;
}

/**
 * Elements [0, length) of a function of the integers, grown by doubling and kept until another key comes.
 */
export class GrowingTable {
  #key = '';
  #values = new Float64Array(0);

  get(key: string, length: number, value: (index: number, previous: number) => number): Float64Array {
    if (key !== this.#key) this.#values = new Float64Array(0);
    this.#key = key;
    if (this.#values.length < length) this.#grow(2 ** Math.ceil(Math.log2(Math.max(length, 64))), value);
    return this.#values;
  }

  #grow(length: number, value: (index: number, previous: number) => number): void {
    const known = this.#values.length;
    const grown = new Float64Array(length);
    grown.set(this.#values);
    for (let i = known; i < length; i += 1) grown[i] = value(i, i === 0 ? NaN : (grown[i - 1] as number));
    this.#values = grown;
  }
}

/** (cInit + ln((N + cBase + 1) / cBase)) · √N: AlphaZero, https://doi.org/10.1126/science.aar6404, supplement. */
export function alphaZeroRule(cInit: number, cBase: number): ExplorationRule {
  return {
    key: `puct ${cInit} ${cBase}`,
    factor: (visits) => (cInit + Math.log((visits + cBase + 1) / cBase)) * Math.sqrt(visits),
  };
}

/** c · √N: Rosin 2011, https://doi.org/10.1007/s10472-011-9258-6, with AlphaGo's constant. */
export function constantRule(c: number): ExplorationRule {
  return { key: `puct ${c}`, factor: (visits) => c * Math.sqrt(visits) };
}

/** c² · ln N, whose share per visit of a child is under UCB1's root: https://doi.org/10.1023/A:1013689704352. */
export function ucb1Rule(c: number): ExplorationRule {
  return { key: `uct ${c}`, factor: (visits) => c * c * Math.log(Math.max(visits, 1)) };
}
