import { VlprmError } from '../runtime/errors.ts';

/** Result of a vote over canonical answers. */
export interface VoteResult {
  /** Canonical answer that won. */
  readonly answer: string;
  /** Index of the candidate that stands for it: the highest weight in the winning group, then the first. */
  readonly representative: number;
  /** Weight of each answer, in order of first appearance. */
  readonly tally: ReadonlyMap<string, number>;
  /** Answers that share the highest weight; one of them is `answer`. */
  readonly tied: readonly string[];
  /** Candidates whose answer could not be read; they have no vote. */
  readonly unparsable: number;
}

function requireWeights(keys: readonly unknown[], weights: ArrayLike<number>): void {
  if (keys.length !== weights.length) {
    throw new VlprmError('ERR_RANGE', `${keys.length} answers but ${weights.length} weights`);
  }
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (!(weight >= 0 && Number.isFinite(weight))) {
      throw new VlprmError('ERR_RANGE', `a vote of weight ${weight}`, {
        where: `candidate ${i}`,
        fix: 'weights are >= 0',
      });
    }
  }
}

/** Candidates of each answer that could be read, in order of first appearance. */
function groupByAnswer(keys: readonly (string | null)[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    if (key === null) return;
    const members = groups.get(key);
    if (members) members.push(index);
    else groups.set(key, [index]);
  });
  return groups;
}

/** Sum that does not depend on the order of the terms. */
const sumSorted = (terms: number[]): number => terms.sort((a, b) => a - b).reduce((total, term) => total + term, 0);

function heaviest(indices: readonly number[], weights: ArrayLike<number>): number {
  return indices.reduce((best, index) => ((weights[index] as number) > (weights[best] as number) ? index : best));
}

/**
 * Weighted vote: the answer with the largest sum of weights (weighted best-of-N; Li et al. 2022, arXiv 2206.02336).
 * `keys` are canonical answers, null for those that cannot be read; `weights` >= 0, one a candidate.
 * Ties go to the answer with the single heaviest candidate, then to the one that appears first.
 * Null when no answer can be read. ERR_RANGE for a negative or missing weight.
 */
export function weightedVote(keys: readonly (string | null)[], weights: ArrayLike<number>): VoteResult | null {
  requireWeights(keys, weights);
  const groups = groupByAnswer(keys);
  const tally = new Map(
    [...groups].map(([key, members]) => [key, sumSorted(members.map((i) => weights[i] as number))]),
  );
  return decide(keys, groups, tally, weights);
}

/**
 * Majority vote over canonical answers, null for those that cannot be read.
 * Ties go to the answer with the larger sum of `scores` where they are given, else to the one that appears first.
 * For an accuracy use `majorityAccuracy`, which does not depend on how ties fall. Null when no answer can be read.
 */
export function majorityVote(keys: readonly (string | null)[], scores?: ArrayLike<number>): VoteResult | null {
  const weights = scores ?? new Float64Array(keys.length);
  const byScore = weightedVote(keys, weights);
  if (!byScore) return null;
  const groups = groupByAnswer(keys);
  const tally = new Map([...groups].map(([key, members]) => [key, members.length]));
  const tied = leaders(tally);
  const answer = tied.reduce((a, b) => ((byScore.tally.get(b) ?? 0) > (byScore.tally.get(a) ?? 0) ? b : a));
  return { ...byScore, answer, representative: heaviest(groups.get(answer) ?? [], weights), tally, tied };
}

function leaders(tally: ReadonlyMap<string, number>): string[] {
  const top = Math.max(...tally.values());
  return [...tally].flatMap(([key, weight]) => (weight === top ? [key] : []));
}

function decide(
  keys: readonly (string | null)[],
  groups: ReadonlyMap<string, number[]>,
  tally: ReadonlyMap<string, number>,
  weights: ArrayLike<number>,
): VoteResult | null {
  if (groups.size === 0) return null;
  const tied = leaders(tally);
  const champions = tied.map((key) => heaviest(groups.get(key) ?? [], weights));
  const representative = heaviest(champions, weights);
  return {
    answer: keys[representative] as string,
    representative,
    tally,
    tied,
    unparsable: keys.filter((key) => key === null).length,
  };
}

/**
 * Probability that a majority vote whose ties fall at random is right, in [0, 1].
 * 0 when no answer can be read: no answer was given.
 */
export function majorityAccuracy(keys: readonly (string | null)[], isCorrect: (key: string) => boolean): number {
  const vote = majorityVote(keys);
  return vote ? vote.tied.filter(isCorrect).length / vote.tied.length : 0;
}

/** As `majorityAccuracy`, for the weighted vote. */
export function weightedVoteAccuracy(
  keys: readonly (string | null)[],
  weights: ArrayLike<number>,
  isCorrect: (key: string) => boolean,
): number {
  const vote = weightedVote(keys, weights);
  return vote ? vote.tied.filter(isCorrect).length / vote.tied.length : 0;
}
