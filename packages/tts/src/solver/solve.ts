import type { Policy, PresentedProblem, ProcessRewardModel, Sampled } from '@vlprm/core';
import {
  NO_USAGE,
  SEARCH_TRACE_SCHEMA,
  type SearchTrace,
  type SearchTraceNode,
  type Step,
  type Usage,
} from '@vlprm/core/records';
import { throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import { drawCandidates } from '../candidates/candidates.ts';
import { selectionCost } from '../candidates/cost.ts';
import { usableFor } from '../strategies/choice.ts';
import { strategyById } from '../strategies/registry.ts';
import type { Candidate, SearchStrategy, SelectionStrategy, Strategy } from '../strategies/strategy.ts';
import { requireCount, requireSeed } from './limits.ts';
import { treeOf } from './tree.ts';

export interface SolveOptions {
  readonly policy: Policy;
  /** Null only for strategies that need none. */
  readonly prm: ProcessRewardModel | null;
  readonly problem: PresentedProblem;
  /** An id, or a strategy with options of its own. */
  readonly strategy: string | Strategy;
  /** Samples, or candidates per step for a guided search; 1 to 1024. */
  readonly n: number;
  /** In [0, 2^53). The result depends on problem, models, strategy, n and seed alone. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** A solution that was looked at. */
export interface SolvedCandidate {
  readonly steps: readonly Step[];
  readonly finalAnswer: string | null;
  /** P(right) per step in [0, 1]; null when the strategy did not ask, or the PRM could not read it. */
  readonly stepScores: readonly number[] | null;
  /** P(right) of the whole solution read as one step; null as above. */
  readonly solutionScore: number | null;
  readonly chosen: boolean;
}

export interface SolveResult {
  /** Null when the chosen solution has no answer that can be read. */
  readonly answer: string | null;
  readonly chosen: SolvedCandidate;
  /** Score of the chosen solution under the strategy; null when the strategy has none. */
  readonly score: number | null;
  /** All solutions in order of sampling; a guided search has the one that it walked. */
  readonly candidates: readonly SolvedCandidate[];
  /** Calls that failed; nothing was concluded from them. */
  readonly failedSamples: number;
  readonly usage: { readonly policy: Usage; readonly prm: Usage };
  /** Null where nobody counts them. */
  readonly policyTokens: number | null;
  readonly prmForwards: number;
  readonly prmTokens: number;
  readonly trace: SearchTrace;
}

/**
 * Answers one problem with a strategy.
 * @throws ERR_STRATEGY_UNKNOWN, ERR_RANGE (n, seed), ERR_USAGE (a bound cannot answer), ERR_NO_PRM (the strategy needs
 * a PRM), ERR_MODEL_FAILED (every call failed), ERR_ABORTED.
 */
export async function solve(options: SolveOptions): Promise<SolveResult> {
  const strategy = typeof options.strategy === 'string' ? strategyById(options.strategy) : options.strategy;
  requireCount('n', options.n);
  requireSeed(options.seed);
  throwIfAborted(options.signal);
  if (strategy.kind === 'bound') {
    throw new VlprmError('ERR_USAGE', `${strategy.id} is a bound that needs the reference answer, it cannot solve`, {
      fix: 'use another strategy, or `vlprm benchmark` to measure the bound',
    });
  }
  return strategy.kind === 'search' ? solveBySearch(strategy, options) : solveBySelection(strategy, options);
}

/**
 * The PRM that a strategy needs.
 * @throws ERR_NO_PRM when there is none.
 */
export function requirePrm(strategy: Strategy, prm: ProcessRewardModel | null): ProcessRewardModel {
  if (prm !== null) return prm;
  throw new VlprmError('ERR_NO_PRM', `strategy ${strategy.id} needs a PRM and there is none`, {
    fix: 'run `npm start` to train one, or name a bundle with --prm',
  });
}

async function solveBySelection(strategy: SelectionStrategy, options: SolveOptions): Promise<SolveResult> {
  const { policy, problem, n, seed, signal } = options;
  const prm = strategy.need === 'nothing' ? null : requirePrm(strategy, options.prm);
  const drawn = await drawCandidates([problem], { policy, prm, n, needs: new Set([strategy.need]), seed, signal });
  const samples = drawn.samples[0] ?? [];
  const usable = usableFor(samples, strategy.need);
  if (usable.length === 0) throw allFailed(problem, samples, strategy);
  const selection = strategy.select(usable);
  const chosen = usable[selection.chosen] as Candidate;
  const returned = samples.flatMap((sample) => (sample.ok ? [sample.value] : []));
  const candidates = returned.map((candidate) => solvedCandidate(candidate, candidate === chosen));
  const cost = selectionCost(returned, strategy.need);
  const failedSamples = n - usable.length;
  return assemble(strategy, options, {
    chosen: candidates[returned.indexOf(chosen)] as SolvedCandidate,
    candidates,
    score: selection.score,
    nodes: treeOf(returned, chosen),
    failedSamples,
    usage: { policy: drawn.policyUsage, prm: drawn.prmUsage },
    prmName: prm?.name ?? null,
    ...cost,
    prmForwards: drawn.prmForwards,
  });
}

async function solveBySearch(strategy: SearchStrategy, options: SolveOptions): Promise<SolveResult> {
  const { policy, problem, n, seed, signal } = options;
  const prm = requirePrm(strategy, options.prm);
  const searched = await strategy.search([{ presented: problem, n }], { policy, prm, seed, signal });
  const outcome = searched.results[0];
  if (outcome === undefined || !outcome.ok) throw outcome?.error ?? allFailed(problem, [], strategy);
  const { steps, stepScores, finalAnswer, nodes, policyTokens, prmTokens, failedCalls } = outcome.value;
  const chosen: SolvedCandidate = {
    steps,
    finalAnswer,
    stepScores: [...stepScores],
    solutionScore: null,
    chosen: true,
  };
  return assemble(strategy, options, {
    chosen,
    candidates: [chosen],
    score: stepScores.at(-1) ?? null,
    nodes,
    failedSamples: failedCalls,
    usage: { policy: searched.usage, prm: searched.prmUsage },
    prmName: prm.name,
    policyTokens,
    prmTokens,
    prmForwards: searched.prmForwards,
  });
}

/** What both kinds of strategy come to. */
type Outcome = Omit<SolveResult, 'answer' | 'trace'> & {
  readonly nodes: readonly SearchTraceNode[];
  readonly prmName: string | null;
};

function assemble(strategy: Strategy, options: SolveOptions, outcome: Outcome): SolveResult {
  const { nodes, prmName, ...result } = outcome;
  const { problem } = options.problem;
  const { usage, prmForwards, prmTokens, failedSamples, score } = result;
  const answer = result.chosen.finalAnswer;
  const trace: SearchTrace = {
    schema: SEARCH_TRACE_SCHEMA,
    problemId: problem.id,
    groupId: problem.groupId,
    question: problem.question,
    strategy: strategy.id,
    n: options.n,
    seed: options.seed,
    policy: options.policy.name,
    prm: prmName,
    nodes: [...nodes],
    answer,
    score,
    failedSamples,
    usage: { policy: usage.policy, prm: prmName === null ? NO_USAGE : usage.prm, prmForwards, prmTokens },
  };
  return { ...result, answer, trace };
}

function solvedCandidate({ steps, finalAnswer, stepwise, whole }: Candidate, chosen: boolean): SolvedCandidate {
  return {
    steps,
    finalAnswer,
    stepScores: stepwise?.ok === true ? [...stepwise.value.probabilities] : null,
    solutionScore: whole?.ok === true ? (whole.value.probabilities[0] as number) : null,
    chosen,
  };
}

function allFailed(
  { problem }: PresentedProblem,
  samples: readonly Sampled<Candidate>[],
  strategy: SelectionStrategy | SearchStrategy,
): VlprmError {
  const reason = failureOf(samples, strategy);
  const known = VlprmError.is(reason) ? reason : null;
  return new VlprmError(
    known?.code ?? 'ERR_MODEL_FAILED',
    `every sample failed: ${reason?.message ?? 'no reason was given'}`,
    {
      where: `problem ${problem.id}`,
      fix: known?.fix ?? 'check policy and PRM with `vlprm doctor`, then try again',
      cause: reason,
    },
  );
}

/** The first reason for which a sample cannot be used by the strategy. */
function failureOf(samples: readonly Sampled<Candidate>[], { need }: Strategy): Error | null {
  for (const sample of samples) {
    if (!sample.ok) return sample.error;
    const reading = need === 'nothing' ? null : sample.value[need];
    if (reading?.ok === false) return reading.error;
  }
  return null;
}
