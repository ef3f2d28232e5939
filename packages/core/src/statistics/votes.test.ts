import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { majorityAccuracy, majorityVote, weightedVote, weightedVoteAccuracy } from './votes.ts';

const ballot = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c', null), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 16 })
  .map((rows) => ({ keys: rows.map(([key]) => key), weights: rows.map(([, weight]) => weight) }));

describe('majorityVote', () => {
  it('counts each answer once a candidate, and leaves out what cannot be read', () => {
    const vote = majorityVote(['a', null, 'b', 'b', null, null]);
    expect(vote).toEqual({
      answer: 'b',
      representative: 2,
      tally: new Map([
        ['a', 1],
        ['b', 2],
      ]),
      tied: ['b'],
      unparsable: 3,
    });
  });

  it('breaks ties by summed score, then by first appearance', () => {
    expect(majorityVote(['a', 'b', 'b', 'a'])?.answer).toBe('a');
    expect(majorityVote(['a', 'b', 'b', 'a'], [0.1, 0.9, 0.2, 0.3])).toMatchObject({
      answer: 'b',
      representative: 1,
      tied: ['a', 'b'],
    });
  });

  it('does not let scores overrule the count', () => {
    expect(majorityVote(['a', 'a', 'b'], [0.1, 0.2, 1])).toMatchObject({ answer: 'a', representative: 1 });
  });

  it('has no winner when nothing can be read', () => {
    expect(majorityVote([])).toBeNull();
    expect(majorityVote([null, null])).toBeNull();
  });
});

describe('weightedVote', () => {
  it('sums weights per answer, and is represented by the heaviest candidate of the winner', () => {
    const vote = weightedVote(['a', 'b', 'b', null], [0.5, 0.25, 0.375, 1]);
    expect(vote).toMatchObject({ answer: 'b', representative: 2, unparsable: 1 });
    expect(vote?.tally.get('b')).toBe(0.625);
  });

  it('breaks ties by the heaviest single candidate, then by first appearance', () => {
    expect(weightedVote(['a', 'a', 'b'], [0.25, 0.25, 0.5])).toMatchObject({ answer: 'b', tied: ['a', 'b'] });
    expect(weightedVote(['a', 'b'], [0.5, 0.5])?.answer).toBe('a');
    expect(weightedVote(['a', 'b'], [0, 0])?.answer).toBe('a');
  });

  it.each([[[-0.1, 1]], [[Number.NaN, 1]], [[Infinity, 1]], [[1]]])('refuses weights %j', (weights) => {
    expect(() => weightedVote(['a', 'b'], weights)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });

  test.prop([ballot, fc.infiniteStream(fc.nat())])(
    'tallies do not depend on the order of candidates',
    (votes, order) => {
      const places = votes.keys
        .map((_, i) => ({ i, rank: order.next().value as number }))
        .sort((x, y) => x.rank - y.rank);
      const shuffled = weightedVote(
        places.map(({ i }) => votes.keys[i] ?? null),
        places.map(({ i }) => votes.weights[i] as number),
      );
      const straight = weightedVote(votes.keys, votes.weights);
      expect(new Map(shuffled?.tally)).toEqual(new Map(straight?.tally));
      expect(new Set(shuffled?.tied)).toEqual(new Set(straight?.tied));
    },
  );

  test.prop([ballot])('equals the majority vote when all weights are equal', ({ keys }) => {
    const ones = keys.map(() => 1);
    expect(weightedVote(keys, ones)).toEqual(majorityVote(keys, ones));
  });

  test.prop([ballot])('the representative gave the answer', ({ keys, weights }) => {
    const vote = weightedVote(keys, weights);
    if (vote) expect(keys[vote.representative]).toBe(vote.answer);
    else expect(keys.every((key) => key === null)).toBe(true);
  });
});

describe('vote accuracy', () => {
  const right = (key: string): boolean => key === 'a';

  it('takes ties by their expected value, not by who came first', () => {
    expect(majorityAccuracy(['b', 'a', 'c'], right)).toBeCloseTo(1 / 3, 15);
    expect(majorityAccuracy(['b', 'a', 'a', 'b', 'c'], right)).toBe(0.5);
    expect(majorityAccuracy(['a', 'a', 'b', null], right)).toBe(1);
    expect(weightedVoteAccuracy(['a', 'b'], [0.5, 0.5], right)).toBe(0.5);
    expect(weightedVoteAccuracy(['a', 'b'], [0.4, 0.5], right)).toBe(0);
  });

  it('is 0 when no answer can be read', () => {
    expect(majorityAccuracy([null], right)).toBe(0);
    expect(weightedVoteAccuracy([null], [1], right)).toBe(0);
  });
});
