import type { NativeAddon } from '../src/addon.ts';
import type { Comparison } from './measure.ts';

/** What every op's benchmark is given. */
export interface BenchContext {
  readonly addon: NativeAddon;
  /** Threads to measure with: 1, and 2 where there are two cores. */
  readonly threadCounts: readonly number[];
}

/** The comparisons of one op. A generator makes its inputs when their turn comes, so that only one comparison's are in memory. */
export type OpBench = (context: BenchContext) => Iterable<Comparison> | AsyncIterable<Comparison>;
