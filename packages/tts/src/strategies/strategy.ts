import type { PresentedProblem, Policy, ProcessRewardModel, Sampled } from '@vlprm/core';
import type { Step, Usage } from '@vlprm/core/records';

/** What the PRM said about one solution: P(right) and the tokens that it read. */
export interface Reading {
  /** P(right) in [0, 1], one entry a step; a single entry when the solution was read as one step. */
  readonly probabilities: Float32Array;
  readonly tokens: number;
}

/** One sampled solution of a problem as strategies see it. */
export interface Candidate {
  /** Place among the samples of its problem, 0-based. */
  readonly sample: number;
  readonly steps: readonly Step[];
  readonly finalAnswer: string | null;
  /** Equal for equal answers of one problem; null when the answer cannot be parsed. */
  readonly answerClass: string | null;
  /** Tokens that the policy wrote for it; null where nobody counts them. */
  readonly tokens: number | null;
  /** Equal for solutions of one problem with the same steps: the PRM reads those once. */
  readonly identity: string;
  /** Scores of its steps, or why there are none; null when they were not asked for. */
  readonly stepwise: Sampled<Reading> | null;
  /** Score of the whole solution read as one step, or why there is none; null when it was not asked for. */
  readonly whole: Sampled<Reading> | null;
}

/** What a strategy needs of the PRM: nothing, a score per step, or one score of the whole solution. */
export type Need = 'nothing' | 'stepwise' | 'whole';

/** A choice among the candidates of one problem. */
export interface Selection {
  /** Position of the chosen candidate in the list that was given. */
  readonly chosen: number;
  /**
   * Positions of one candidate for every answer that wins equally, `chosen` first. A tie is broken by position
   * when one answer has to be given, and counts with its expected value when accuracy is measured.
   */
  readonly tied: readonly number[];
  /** Score of the chosen candidate under the strategy; null when the strategy has none. */
  readonly score: number | null;
}

/** Chooses among samples that strategies share: one set of N samples serves every such strategy at every n <= N. */
export interface SelectionStrategy {
  readonly kind: 'selection';
  readonly id: string;
  readonly need: Need;
  /** True when the strategy spends one sample however many are given: its cost is the mean cost of a sample. */
  readonly spendsOne?: boolean;
  /** Chooses among at least one candidate, each with the reading that `need` names. Pure; in order of sampling. */
  select(candidates: readonly Candidate[]): Selection;
}

/** A limit that needs the reference answers; it can be measured and never used to answer. */
export interface BoundStrategy {
  readonly kind: 'bound';
  readonly id: string;
  readonly need: 'nothing';
  /** Value in [0, 1] of a problem from the correctness of its samples, at least one. */
  value(correct: readonly boolean[]): number;
}

/** One problem to search, with the number of candidates per step. */
export interface SearchLane {
  readonly presented: PresentedProblem;
  readonly n: number;
}

/** One candidate step of a search, in the order of proposing; `parent` is null for a first step. */
export interface SearchNode {
  readonly parent: number | null;
  readonly step: Step;
  /** P(right) of the step; null when it was not scored. */
  readonly p: number | null;
  /** How many samples proposed it. */
  readonly samples: number;
  readonly chosen: boolean;
  readonly ended: boolean;
  readonly finalAnswer: string | null;
}

/** Where a search ended and what it spent. Costs are those of this lane had it run alone. */
export interface SearchResult {
  readonly steps: readonly Step[];
  readonly stepScores: Float32Array;
  /** Null when the answer cannot be parsed or the step limit came first. */
  readonly finalAnswer: string | null;
  readonly nodes: readonly SearchNode[];
  /** Null where nobody counts them. */
  readonly policyTokens: number | null;
  readonly prmForwards: number;
  readonly prmTokens: number;
  /** Proposals that failed; the step was chosen among the others. */
  readonly failedCalls: number;
}

export interface SearchContext {
  readonly policy: Policy;
  readonly prm: ProcessRewardModel;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after every step with the number of lanes that ended there. */
  readonly onEnded?: (count: number) => void;
}

/** Draws its own candidates, step by step. All lanes advance together. */
export interface SearchStrategy {
  readonly kind: 'search';
  readonly id: string;
  readonly need: 'stepwise';
  /** Largest number of candidates per step that a benchmark runs it with. */
  readonly benchmarkMaxN: number;
  search(
    lanes: readonly SearchLane[],
    context: SearchContext,
  ): Promise<{ results: Sampled<SearchResult>[]; usage: Usage; prmUsage: Usage; prmForwards: number }>;
}

export type Strategy = SelectionStrategy | BoundStrategy | SearchStrategy;
