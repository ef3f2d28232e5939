import type { Sampled } from '@vlprm/core';
import { VlprmError } from '@vlprm/core/runtime';
import { weightedVote } from '@vlprm/core/statistics';
import type { Candidate, Need, Reading, Selection } from './strategy.ts';

/** Positions of the candidates that have an answer; all positions when none has. */
function answerable(candidates: readonly Candidate[]): number[] {
  const all = candidates.map((_, position) => position);
  const parsed = all.filter((position) => candidates[position]?.answerClass !== null);
  return parsed.length > 0 ? parsed : all;
}

/**
 * The candidate with the highest score among those that have an answer; equal scores: the first sampled.
 * @throws ERR_TRACE_EMPTY when there is no candidate.
 */
export function chooseBest(candidates: readonly Candidate[], score: (candidate: Candidate) => number): Selection {
  let best: { position: number; score: number } | null = null;
  for (const position of answerable(candidates)) {
    const value = score(candidates[position] as Candidate);
    if (best === null || value > best.score) best = { position, score: value };
  }
  if (best === null) throw noCandidates();
  return { chosen: best.position, tied: [best.position], score: best.score };
}

/**
 * The answer with the largest sum of weights, which are >= 0. Candidates whose answer cannot be read have no vote;
 * when none can be read, the first candidate is chosen. Ties as in `weightedVote`.
 * @throws ERR_TRACE_EMPTY when there is no candidate.
 */
export function chooseByVote(candidates: readonly Candidate[], weight: (candidate: Candidate) => number): Selection {
  if (candidates.length === 0) throw noCandidates();
  const classes = candidates.map(({ answerClass }) => answerClass);
  const vote = weightedVote(classes, candidates.map(weight));
  if (vote === null) return { chosen: 0, tied: [0], score: null };
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

/** The candidates that came back and have the reading that `need` names, in order of sampling. */
export function usableFor<C extends Candidate>(samples: readonly Sampled<C>[], need: Need): C[] {
  return samples.flatMap((sample) => {
    if (!sample.ok) return [];
    return need === 'nothing' || sample.value[need]?.ok === true ? [sample.value] : [];
  });
}

function noCandidates(): VlprmError {
  return new VlprmError('ERR_TRACE_EMPTY', 'no candidate to choose from', {
    fix: 'sample at least one solution; a problem whose samples all failed has no answer',
  });
}
