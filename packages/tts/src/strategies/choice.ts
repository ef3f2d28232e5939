import type { Sampled } from '@vlprm/core';
import { VlprmError } from '@vlprm/core/runtime';
import { weightedVote } from '@vlprm/core/statistics';
import type { Candidate, Need, Reading, Selection } from './strategy.ts';

/** Positions of the candidates that have an answer, and with `need` also steps that were read. */
function eligible(candidates: readonly Candidate[], need: Need): number[] {
  return candidates.flatMap(({ answerClass, steps }, position) =>
    answerClass !== null && (need === 'nothing' || steps.length > 0) ? [position] : [],
  );
}

/** Where there is nothing to choose by: the first candidate with an answer, else the first. */
function unscored(candidates: readonly Candidate[]): Selection {
  const [chosen = 0] = eligible(candidates, 'nothing');
  return { chosen, tied: [chosen], score: null };
}

/**
 * The candidate with the highest score among those with an answer and steps; equal scores: the first sampled.
 * @throws ERR_TRACE_EMPTY when there is no candidate.
 */
export function chooseBest(
  candidates: readonly Candidate[],
  need: 'stepwise' | 'whole',
  score: (reading: Reading) => number,
): Selection {
  requireSome(candidates);
  let best: { position: number; score: number } | null = null;
  for (const position of eligible(candidates, need)) {
    const value = score(readingOf(candidates[position] as Candidate, need));
    if (best === null || value > best.score) best = { position, score: value };
  }
  if (best === null) return unscored(candidates);
  return { chosen: best.position, tied: [best.position], score: best.score };
}

/**
 * The answer with the largest sum of weights, which are >= 0. Candidates without an answer, and with `need` those
 * without steps, have no vote. Ties as in `weightedVote`.
 * @throws ERR_TRACE_EMPTY when there is no candidate.
 */
export function chooseByVote(
  candidates: readonly Candidate[],
  need: Need,
  weight: (candidate: Candidate) => number,
): Selection {
  requireSome(candidates);
  const voters = new Set(eligible(candidates, need));
  const classes = candidates.map(({ answerClass }, position) => (voters.has(position) ? answerClass : null));
  const weights = candidates.map((candidate, position) => (voters.has(position) ? weight(candidate) : 0));
  const vote = weightedVote(classes, weights);
  if (vote === null) return unscored(candidates);
  const others = vote.tied.filter((answer) => answer !== vote.answer).map((answer) => classes.indexOf(answer));
  return {
    chosen: vote.representative,
    tied: [vote.representative, ...others],
    score: vote.tally.get(vote.answer) ?? null,
  };
}

/** The reading that a strategy asked for; `usableFor` holds only candidates that have it. */
export function readingOf(candidate: Candidate, need: 'stepwise' | 'whole'): Reading {
  const reading = candidate[need];
  if (reading?.ok === true) return reading.value;
  throw new VlprmError('ERR_INTERNAL', `sample ${candidate.sample} has no ${need} reading`, {
    fix: 'read candidates for every need of the strategies that choose among them',
  });
}

/** The candidates that came back and have the reading that `need` names, or no steps to read; in order of sampling. */
export function usableFor<C extends Candidate>(samples: readonly Sampled<C>[], need: Need): C[] {
  return samples.flatMap((sample) => {
    if (!sample.ok) return [];
    const { value } = sample;
    return need === 'nothing' || value.steps.length === 0 || value[need]?.ok === true ? [value] : [];
  });
}

function requireSome(candidates: readonly Candidate[]): void {
  if (candidates.length > 0) return;
  throw new VlprmError('ERR_TRACE_EMPTY', 'no candidate to choose from', {
    fix: 'sample at least one solution; a problem whose samples all failed has no answer',
  });
}
