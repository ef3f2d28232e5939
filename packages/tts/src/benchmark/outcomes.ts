import type { AnswerChecker, Sampled } from '@vlprm/core';
import type { Outcome, Problem } from '@vlprm/core/records';
import type { Cost } from '../candidates/cost.ts';
import { NO_COST, selectionCost } from '../candidates/cost.ts';
import { usableFor } from '../strategies/choice.ts';
import type { BoundStrategy, Candidate, SearchResult, SelectionStrategy } from '../strategies/strategy.ts';

/** A candidate and what became of its answer. */
export interface JudgedCandidate extends Candidate {
  readonly outcome: Outcome;
}

/** What a strategy made of one problem at one n. */
export interface ProblemResult {
  readonly strategy: string;
  readonly n: number;
  /** Expected correctness in [0, 1]; null when nothing could be concluded, because calls failed. */
  readonly value: number | null;
  /** The answer that it gives; null for a bound and where nothing can be read. */
  readonly answer: string | null;
  /** Sample that it chose, 0-based; null for a bound, a guided search and an excluded problem. */
  readonly chosen: number | null;
  /** Score of the choice under the strategy; null when it has none. */
  readonly score: number | null;
  /** Failed calls among the n samples. */
  readonly failedSamples: number;
  readonly cost: Cost;
  /** The solution that a guided search walked; null for other strategies. */
  readonly walked: SearchResult | null;
}

/** Checks the answers of all samples of a problem. */
export function judgeSamples(
  problem: Problem & { answer: string },
  samples: readonly Sampled<Candidate>[],
  checker: AnswerChecker,
): Sampled<JudgedCandidate>[] {
  const returned = samples.flatMap((sample) => (sample.ok ? [sample.value] : []));
  const outcomes = checkAnswers(
    problem,
    returned.map(({ finalAnswer }) => finalAnswer),
    checker,
  );
  let next = 0;
  return samples.map((sample): Sampled<JudgedCandidate> => {
    if (!sample.ok) return sample;
    return { ok: true, value: { ...sample.value, outcome: outcomes[next++] as Outcome } };
  });
}

/** What became of each answer to the problem. */
export function checkAnswers(
  { answer: reference, options }: Problem & { answer: string },
  answers: readonly (string | null)[],
  checker: AnswerChecker,
): Outcome[] {
  return checker.check(answers.map((answer) => ({ answer, reference, options })));
}

/** Mean correctness of the outcomes that came back: an unparsable answer is not right, a failed check says nothing. */
function meanCorrect(outcomes: readonly Outcome[]): number | null {
  const known = outcomes.filter((outcome) => outcome !== 'failed');
  if (known.length === 0) return null;
  return known.filter((outcome) => outcome === 'correct').length / known.length;
}

/** What a selection or a bound makes of the first n samples of a problem. */
export function evaluateShared(
  strategy: SelectionStrategy | BoundStrategy,
  samples: readonly Sampled<JudgedCandidate>[],
  n: number,
): ProblemResult {
  const first = samples.slice(0, n);
  const usable = usableFor(first, strategy.need);
  const returned = usableFor(first, 'nothing');
  const base = {
    strategy: strategy.id,
    n,
    failedSamples: n - usable.length,
    cost: selectionCost(returned, strategy.need, strategy.kind === 'selection' && strategy.spendsOne === true),
    walked: null,
  };
  const nothing = { ...base, value: null, answer: null, chosen: null, score: null };
  if (usable.length === 0) return nothing;
  if (strategy.kind === 'bound') {
    const known = usable.filter(({ outcome }) => outcome !== 'failed');
    if (known.length === 0) return nothing;
    return { ...nothing, value: strategy.value(known.map(({ outcome }) => outcome === 'correct')) };
  }
  const { chosen, tied, score } = strategy.select(usable);
  const candidate = usable[chosen] as JudgedCandidate;
  return {
    ...base,
    value: meanCorrect(tied.map((position) => (usable[position] as JudgedCandidate).outcome)),
    answer: candidate.finalAnswer,
    chosen: candidate.sample,
    score,
  };
}

/** What a guided search came to on a problem. */
export function evaluateSearch(
  strategy: string,
  n: number,
  problem: Problem & { answer: string },
  searched: Sampled<SearchResult>,
  checker: AnswerChecker,
): ProblemResult {
  if (!searched.ok) {
    return {
      strategy,
      n,
      value: null,
      answer: null,
      chosen: null,
      score: null,
      failedSamples: n,
      cost: NO_COST,
      walked: null,
    };
  }
  const { finalAnswer, stepScores, policyTokens, prmForwards, prmTokens, failedCalls } = searched.value;
  return {
    strategy,
    n,
    value: meanCorrect(checkAnswers(problem, [finalAnswer], checker)),
    answer: finalAnswer,
    chosen: null,
    score: stepScores.at(-1) ?? null,
    failedSamples: failedCalls,
    cost: { policyTokens, prmForwards, prmTokens },
    walked: searched.value,
  };
}
