export {
  DEFAULT_NS,
  runBenchmark,
  type BenchmarkedProblem,
  type BenchmarkOptions,
  type BenchmarkProblem,
  type BenchmarkResult,
} from './benchmark/benchmark.ts';
export type { JudgedCandidate, ProblemResult } from './benchmark/outcomes.ts';
export type { BenchmarkRow, Pair, PairedRow } from './benchmark/rows.ts';
export { searchTraces, type SearchTraceOptions } from './benchmark/search-traces.ts';
export type { Cost } from './candidates/cost.ts';
export { MAX_N } from './solver/limits.ts';
export { requirePrm, solve, type SolvedCandidate, type SolveOptions, type SolveResult } from './solver/solve.ts';
export * from './strategies/index.ts';
