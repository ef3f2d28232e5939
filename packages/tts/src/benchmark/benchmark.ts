import type { AnswerChecker, Policy, PresentedProblem, ProcessRewardModel, Sampled } from '@vlprm/core';
import { addUsage, NO_USAGE, type Problem, type Usage } from '@vlprm/core/records';
import { createEvents, startStage, throwIfAborted, VlprmError, type Events } from '@vlprm/core/runtime';
import { createAnswerChecker } from '@vlprm/core/text';
import { drawCandidates } from '../candidates/candidates.ts';
import { requireCount, requireSeed } from '../solver/limits.ts';
import { requirePrm } from '../solver/solve.ts';
import { createStrategies, strategyById } from '../strategies/registry.ts';
import type { Need, SearchStrategy, Strategy } from '../strategies/strategy.ts';
import { evaluateSearch, evaluateShared, judgeSamples, type JudgedCandidate, type ProblemResult } from './outcomes.ts';
import { benchmarkRows, defaultPairs, pairedRows, type BenchmarkRow, type Pair, type PairedRow } from './rows.ts';

/** Numbers of samples that curves are drawn over. */
export const DEFAULT_NS: readonly number[] = [1, 2, 4, 8, 16];

/** A problem with its images and its reference answer, which policy and PRM never see. */
export interface BenchmarkProblem {
  readonly problem: Problem;
  readonly images: readonly Uint8Array[];
}

export interface BenchmarkOptions {
  readonly problems: readonly BenchmarkProblem[];
  readonly policy: Policy;
  /** Null only when no strategy needs one. */
  readonly prm: ProcessRewardModel | null;
  /** Default: the canonical-form checker of `@vlprm/core/text`. */
  readonly checker?: AnswerChecker;
  /** Ids or strategies; default: all that can run. */
  readonly strategies?: readonly (string | Strategy)[];
  /** Numbers of samples; default 1, 2, 4, 8, 16. */
  readonly ns?: readonly number[];
  /** Candidates per step of guided searches; default: those of `ns` above 1 up to what the strategy is meant for. */
  readonly searchNs?: readonly number[];
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Gets the progress of the stages `sample` (problems) and, per guided search, its id (searches that have ended). */
  readonly events?: Events;
  /** Default: every strategy against majority and pass-at-1. */
  readonly pairs?: readonly Pair[];
  /** Problems per call of policy and PRM; default 64. */
  readonly problemsPerCall?: number;
}

/** One problem with its samples and what every strategy made of them. */
export interface BenchmarkedProblem {
  readonly problem: Problem;
  readonly groupId: string;
  /** In order of sampling; shared by all strategies that choose. */
  readonly samples: readonly Sampled<JudgedCandidate>[];
  readonly results: readonly ProblemResult[];
}

export interface BenchmarkResult {
  readonly rows: readonly BenchmarkRow[];
  readonly paired: readonly PairedRow[];
  readonly problems: readonly BenchmarkedProblem[];
  /** What was really spent, all strategies together: samples and readings are shared. */
  readonly spent: { readonly policy: Usage; readonly prm: Usage; readonly prmForwards: number };
}

/** A problem whose reference answer is known to be there. */
type ReferencedProblem = Problem & { answer: string };

/** What is running: the resolved options. */
interface Plan {
  readonly options: BenchmarkOptions;
  readonly problems: readonly ReferencedProblem[];
  /** What the models get: no reference answer. */
  readonly presented: readonly PresentedProblem[];
  readonly shared: readonly Exclude<Strategy, SearchStrategy>[];
  readonly searches: readonly SearchStrategy[];
  readonly ns: readonly number[];
  readonly checker: AnswerChecker;
}

/** Models' spending so far. */
interface Meter {
  policy: Usage;
  prm: Usage;
  prmForwards: number;
}

/**
 * Measures strategies on problems with known answers. Every problem is sampled max(ns) times, once; a strategy at n
 * chooses among the first n samples, so that all strategies and all n are compared on the same draws. Guided searches
 * draw their own. A failed call is a failure: it is counted, and nothing is concluded from it.
 *
 * @throws ERR_RANGE, ERR_STRATEGY_UNKNOWN, ERR_NO_PRM, ERR_DATASET_INVALID (a problem without answer, or none),
 * ERR_MODEL_FAILED (a strategy could conclude nothing), ERR_ABORTED.
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const plan = planOf(options);
  const meter: Meter = { policy: NO_USAGE, prm: NO_USAGE, prmForwards: 0 };
  const samples = await sampleAll(plan, meter);
  const searched = await searchAll(plan, meter);
  const problems = plan.problems.map((problem, index): BenchmarkedProblem => {
    const own = samples[index] as Sampled<JudgedCandidate>[];
    const chosen = plan.shared.flatMap((strategy) => plan.ns.map((n) => evaluateShared(strategy, own, n)));
    return { problem, groupId: problem.groupId, samples: own, results: [...chosen, ...(searched[index] ?? [])] };
  });
  const pairs = options.pairs ?? defaultPairs(problems);
  return {
    rows: benchmarkRows(problems, options.seed),
    paired: pairedRows(problems, pairs, options.seed),
    problems,
    spent: meter,
  };
}

function planOf(options: BenchmarkOptions): Plan {
  requireSeed(options.seed);
  if (options.problemsPerCall !== undefined) requireCount('problemsPerCall', options.problemsPerCall);
  const ns = sortedCounts('ns', options.ns ?? DEFAULT_NS);
  const strategies = strategiesOf(options);
  const problems = options.problems.map(({ problem }) => referenced(problem));
  if (problems.length === 0) {
    throw new VlprmError('ERR_DATASET_INVALID', 'a benchmark of no problems', { fix: 'give at least one problem' });
  }
  return {
    options,
    problems,
    presented: options.problems.map(present),
    shared: strategies.filter((strategy) => strategy.kind !== 'search'),
    searches: strategies.filter((strategy) => strategy.kind === 'search'),
    ns,
    checker: options.checker ?? createAnswerChecker(),
  };
}

function sortedCounts(name: string, counts: readonly number[]): number[] {
  for (const count of counts) requireCount(name, count);
  if (counts.length > 0) return [...new Set(counts)].sort((a, b) => a - b);
  throw new VlprmError('ERR_RANGE', `${name} is empty`, { fix: 'give at least one number of samples' });
}

function strategiesOf({ strategies, prm }: BenchmarkOptions): Strategy[] {
  if (strategies === undefined) {
    return [...createStrategies().values()].filter(({ need }) => prm !== null || need === 'nothing');
  }
  const resolved = strategies.map((strategy) => (typeof strategy === 'string' ? strategyById(strategy) : strategy));
  for (const strategy of resolved) if (strategy.need !== 'nothing') requirePrm(strategy, prm);
  return resolved;
}

function referenced(problem: Problem): ReferencedProblem {
  const { answer } = problem;
  if (answer !== null) return { ...problem, answer };
  throw new VlprmError('ERR_DATASET_INVALID', 'a problem without a reference answer cannot be measured', {
    where: `problem ${problem.id}`,
    fix: 'give it an answer, or leave it out',
  });
}

/** What the models see of a problem: everything but the reference answer. */
function present({ problem, images }: BenchmarkProblem): PresentedProblem {
  const { schema, id, groupId, images: refs, question, options, source } = problem;
  return { problem: { schema, id, groupId, images: refs, question, options, source }, images };
}

async function sampleAll(plan: Plan, meter: Meter): Promise<Sampled<JudgedCandidate>[][]> {
  const { options, shared, ns, problems, presented } = plan;
  if (shared.length === 0) return problems.map(() => []);
  const { policy, prm, seed, signal, events = createEvents(), problemsPerCall = 64 } = options;
  const stage = startStage(events, 'sample', { total: problems.length });
  const needs = new Set<Need>(shared.map(({ need }) => need));
  const samples: Sampled<JudgedCandidate>[][] = [];
  for (let start = 0; start < problems.length; start += problemsPerCall) {
    throwIfAborted(signal);
    const chunk = presented.slice(start, start + problemsPerCall);
    const drawn = await drawCandidates(chunk, { policy, prm, n: ns.at(-1) as number, needs, seed, signal });
    spend(meter, drawn.policyUsage, drawn.prmUsage, drawn.prmForwards);
    drawn.samples.forEach((own, offset) =>
      samples.push(judgeSamples(problems[start + offset] as ReferencedProblem, own, plan.checker)),
    );
    stage.advance(chunk.length);
  }
  return samples;
}

/** Results of the guided searches per problem: all problems and all n advance together. */
async function searchAll(plan: Plan, meter: Meter): Promise<ProblemResult[][]> {
  const results: ProblemResult[][] = plan.problems.map(() => []);
  for (const strategy of plan.searches) {
    const ns = searchCounts(strategy, plan);
    const lanes = plan.presented.flatMap((presented) => ns.map((n) => ({ presented, n })));
    const { policy, seed, signal, events = createEvents() } = plan.options;
    const stage = startStage(events, strategy.id, { total: lanes.length });
    const searched = await strategy.search(lanes, {
      policy,
      prm: requirePrm(strategy, plan.options.prm),
      seed,
      signal,
      onEnded: (count) => stage.advance(count),
    });
    spend(meter, searched.usage, searched.prmUsage, searched.prmForwards);
    searched.results.forEach((result, lane) => {
      const place = Math.floor(lane / ns.length);
      const n = ns[lane % ns.length] as number;
      const problem = plan.problems[place] as ReferencedProblem;
      results[place]?.push(evaluateSearch(strategy.id, n, problem, result, plan.checker));
    });
  }
  return results;
}

function searchCounts(strategy: SearchStrategy, { options, ns }: Plan): number[] {
  if (options.searchNs !== undefined) return sortedCounts('searchNs', options.searchNs);
  const counts = ns.filter((n) => n > 1 && n <= strategy.benchmarkMaxN);
  if (counts.length > 0 || options.strategies === undefined) return counts;
  throw new VlprmError(
    'ERR_RANGE',
    `${strategy.id} is measured from 2 to ${strategy.benchmarkMaxN} candidates a step`,
    {
      where: `ns ${ns.join(', ')}`,
      fix: `give an n in that range, or leave ${strategy.id} out`,
    },
  );
}

function spend(meter: Meter, policy: Usage, prm: Usage, prmForwards: number): void {
  meter.policy = addUsage(meter.policy, policy);
  meter.prm = addUsage(meter.prm, prm);
  meter.prmForwards += prmForwards;
}
