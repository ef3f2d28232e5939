import type { Step } from '@vlprm/core/records';
import { completed, type StepNode } from './step-tree.ts';

/** A wrong-answer continuation of a state, in which the first error is still to be found. */
export interface PooledRollout {
  /** The prefix that it continues. */
  readonly state: StepNode;
  /** The steps of the state, and all that follow. */
  readonly steps: readonly Step[];
}

export interface PoolOptions {
  /** α in (0, 1]: how little a state is preferred whose continuations seldom succeed. */
  readonly alpha: number;
  /** β in (0, 1]: how little a continuation of `wordScale` words is preferred. */
  readonly beta: number;
  /** L, in words. */
  readonly wordScale: number;
  /** c, factor of the exploration term. */
  readonly exploration: number;
}

/** Those of the paper, with L in words. */
export const POOL_OPTIONS: PoolOptions = { alpha: 0.5, beta: 0.9, wordScale: 500, exploration: 0.125 };

function countWords(steps: readonly Step[]): number {
  return steps.reduce((sum, { text }) => sum + text.split(/\s+/).filter((word) => word !== '').length, 0);
}

/** MC(s): share of all that is known to continue the state and is right. */
function successRate({ solutions, asked, passed }: StepNode): number {
  const parts = [solutions, asked, passed];
  const all = parts.reduce((sum, counts) => sum + completed(counts), 0);
  return all === 0 ? 0 : parts.reduce((sum, { correct }) => sum + correct, 0) / all;
}

/**
 * OmegaPRM's pool of rollouts (Luo et al. 2024, https://arxiv.org/abs/2406.06592, section 3.3). `pop` gives the one with the
 * largest Q + U and takes it out for good: Q = α^(1 - MC(s)) · β^(words / L) prefers states that nearly always succeed, and short
 * continuations; U = c √ΣN / (1 + N(s)) prefers states that were seldom selected. N(s) counts selections, so it grows in `pop`
 * and nowhere else. Of equal ones the first that came goes first.
 */
export class RolloutPool {
  readonly #options: PoolOptions;
  readonly #waiting = new Map<PooledRollout, number>();
  readonly #selected = new Map<StepNode, number>();
  #selections = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** N(s). */
  selections(state: StepNode): number {
    return this.#selected.get(state) ?? 0;
  }

  add(rollout: PooledRollout): void {
    const depth = rollout.state.steps.length;
    this.#waiting.set(rollout, countWords(rollout.steps.slice(depth)));
  }

  pop(): PooledRollout | undefined {
    let best: PooledRollout | undefined;
    let most = -Infinity;
    for (const [rollout, words] of this.#waiting) {
      const score = this.#score(rollout.state, words);
      if (score > most) [best, most] = [rollout, score];
    }
    if (best === undefined) return undefined;
    this.#waiting.delete(best);
    this.#selected.set(best.state, this.selections(best.state) + 1);
    this.#selections += 1;
    return best;
  }

  #score(state: StepNode, words: number): number {
    const { alpha, beta, wordScale, exploration } = this.#options;
    const quality = alpha ** (1 - successRate(state)) * beta ** (words / wordScale);
    return quality + (exploration * Math.sqrt(this.#selections)) / (1 + this.selections(state));
  }
}
