import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Candidate, Reading } from './strategy.ts';
import {
  createStrategies,
  majority,
  oneShot,
  oracle,
  passAt1,
  STRATEGY_IDS,
  stepLast,
  stepMean,
  stepMin,
  strategiesWithoutPrm,
  strategyById,
  weightedVote,
} from './index.ts';

const reading = (probabilities: readonly number[]): { ok: true; value: Reading } => ({
  ok: true,
  value: { probabilities: Float32Array.from(probabilities), tokens: 10 },
});

/** A candidate with this answer, step scores and whole-solution score. */
function candidate(sample: number, answer: string | null, steps: readonly number[], whole = 0.5): Candidate {
  return {
    sample,
    steps: steps.map((_, index) => ({ kind: 'reasoning', text: `sample ${sample} step ${index}` })),
    finalAnswer: answer,
    answerClass: answer,
    tokens: 5,
    identity: `sample ${sample}`,
    stepwise: reading(steps),
    whole: reading([whole]),
  };
}

/** Worked by hand: mean .6 .7 .65, min .4 .5 .3, last .8 .5 1, whole .2 .3 .9. */
const three = [
  candidate(0, 'A', [0.4, 0.6, 0.8], 0.2),
  candidate(1, 'B', [0.9, 0.7, 0.5], 0.3),
  candidate(2, 'C', [0.65, 0.3, 1], 0.9),
];

describe('choosing one candidate by its scores', () => {
  test('each aggregation has its own winner', () => {
    expect(stepMean.select(three)).toEqual({ chosen: 1, tied: [1], score: expect.closeTo(0.7, 6) as number });
    expect(stepMin.select(three)).toEqual({ chosen: 1, tied: [1], score: 0.5 });
    expect(stepLast.select(three)).toEqual({ chosen: 2, tied: [2], score: 1 });
    expect(oneShot.select(three)).toEqual({ chosen: 2, tied: [2], score: expect.closeTo(0.9, 6) as number });
  });

  test('equal scores go to the first sampled', () => {
    const equal = [candidate(0, 'A', [0.5, 0.9]), candidate(1, 'B', [0.9, 0.5])];
    expect(stepMin.select(equal).chosen).toBe(0);
    expect(oneShot.select(equal).chosen).toBe(0);
  });

  test('an unparsable answer loses to any answer, and is chosen only when there is nothing else', () => {
    const best = candidate(0, null, [1, 1], 1);
    expect(stepMean.select([best, candidate(1, 'B', [0.1])]).chosen).toBe(1);
    expect(oneShot.select([best, candidate(1, 'B', [0.1], 0.1)]).chosen).toBe(1);
    expect(stepMean.select([best])).toEqual({ chosen: 0, tied: [0], score: null });
  });

  test('a solution without steps cannot be scored: it is chosen only when there is nothing else', () => {
    const bare: Candidate = { ...candidate(0, 'A', []), stepwise: null, whole: null };
    expect(stepMin.select([bare, candidate(1, 'B', [0.1])]).chosen).toBe(1);
    expect(weightedVote().select([bare, bare, candidate(1, 'B', [0.1])]).chosen).toBe(2);
    expect(stepMin.select([candidate(0, null, [0.1]), bare])).toEqual({ chosen: 1, tied: [1], score: null });
    expect(majority.select([bare, candidate(1, 'B', [0.1]), bare]).chosen).toBe(0);
  });

  test('a candidate without the reading is an error, not a score of 0', () => {
    const unread: Candidate = { ...candidate(0, 'A', [1]), stepwise: null };
    expect(() => stepMin.select([unread])).toThrow(/no stepwise reading/);
  });

  test('no candidate at all is an error', () => {
    expect(() => stepMin.select([])).toThrow(/no candidate/);
    expect(() => majority.select([])).toThrow(/no candidate/);
  });
});

describe('voting', () => {
  test('majority counts answers and gives the first candidate of the winner', () => {
    const candidates = [candidate(0, 'A', [1]), candidate(1, 'B', [0]), candidate(2, 'B', [0])];
    expect(majority.select(candidates)).toEqual({ chosen: 1, tied: [1], score: 2 });
  });

  test('a tie lists one candidate of every winning answer', () => {
    const candidates = [
      candidate(0, 'A', [1]),
      candidate(1, 'B', [1]),
      candidate(2, 'C', [1]),
      candidate(3, 'B', [1]),
      candidate(4, 'A', [1]),
    ];
    expect(majority.select(candidates)).toEqual({ chosen: 0, tied: [0, 1], score: 2 });
  });

  test('answers that cannot be read have no vote', () => {
    const candidates = [candidate(0, null, [1]), candidate(1, null, [1]), candidate(2, 'A', [0])];
    expect(majority.select(candidates).chosen).toBe(2);
    expect(majority.select(candidates.slice(0, 2))).toEqual({ chosen: 0, tied: [0], score: null });
  });

  test('weights of equal answers add up: two middling beat one good', () => {
    const candidates = [candidate(0, 'A', [0.9, 0.75]), candidate(1, 'B', [0.5]), candidate(2, 'B', [0.5, 0.75])];
    expect(weightedVote().select(candidates)).toEqual({ chosen: 1, tied: [1], score: 1 });
  });

  test('the default weight is the weakest step, another is an option', () => {
    const candidates = [candidate(0, 'A', [0.25, 1]), candidate(1, 'B', [0.5, 0.5])];
    expect(weightedVote().select(candidates).chosen).toBe(1);
    expect(weightedVote('last').select(candidates).chosen).toBe(0);
    expect(weightedVote('mean').select(candidates)).toEqual({ chosen: 0, tied: [0], score: 0.625 });
  });

  test('the representative is the heaviest of its answer', () => {
    const candidates = [candidate(0, 'A', [0.2]), candidate(1, 'A', [0.8]), candidate(2, 'A', [0.8])];
    expect(weightedVote().select(candidates).chosen).toBe(1);
  });
});

describe('bounds', () => {
  test('pass-at-1 answers with the first sample and is measured over all', () => {
    expect(passAt1.select(three)).toEqual({ chosen: 0, tied: [0, 1, 2], score: null });
  });

  test('oracle is right when any sample is', () => {
    expect(oracle.value([false, false, true])).toBe(1);
    expect(oracle.value([false])).toBe(0);
  });
});

describe('properties of every selection', () => {
  const selections = [...createStrategies().values()].flatMap((s) => (s.kind === 'selection' ? [s] : []));
  /** Distinct eighths, so that scores are exact and never tie. */
  const candidatesOf = fc
    .uniqueArray(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 12 })
    .chain((scores) =>
      fc.tuple(
        fc.constant(scores),
        fc.array(fc.constantFrom('A', 'B', 'C', null), { minLength: scores.length, maxLength: scores.length }),
      ),
    );

  property.prop([candidatesOf])('a single candidate is always chosen', ([scores, answers]) => {
    const only = candidate(0, answers[0] ?? null, [(scores[0] as number) / 64]);
    for (const strategy of selections) expect(strategy.select([only])).toMatchObject({ chosen: 0, tied: [0] });
  });

  property.prop([candidatesOf, fc.infiniteStream(fc.nat())])(
    'the answer of a strategy with scores does not depend on the order of the samples',
    ([scores, answers], keys) => {
      const candidates = scores.map((score, i) => candidate(i, answers[i] ?? null, [score / 64], score / 64));
      const order = candidates
        .map((each) => ({ each, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key);
      const shuffled = order.map(({ each }) => each);
      for (const strategy of [oneShot, stepMean, stepMin, stepLast]) {
        const before = candidates[strategy.select(candidates).chosen];
        expect(shuffled[strategy.select(shuffled).chosen]?.answerClass).toBe(before?.answerClass);
      }
      const vote = weightedVote();
      const winners = (list: readonly Candidate[]): (string | null | undefined)[] =>
        vote
          .select(list)
          .tied.map((position) => list[position]?.answerClass)
          .sort();
      expect(winners(shuffled)).toEqual(winners(candidates));
    },
  );

  property.prop([candidatesOf])('chosen is among the tied, and every tied answer is another', ([scores, answers]) => {
    const candidates = scores.map((score, i) => candidate(i, answers[i] ?? null, [score / 64], score / 64));
    for (const strategy of selections) {
      const { chosen, tied } = strategy.select(candidates);
      expect(tied[0]).toBe(chosen);
      if (strategy.id === 'pass-at-1') continue;
      const classes = tied.map((position) => candidates[position]?.answerClass);
      expect(new Set(classes).size).toBe(tied.length);
    }
  });
});

describe('registry', () => {
  test('holds every id once, under its own name', () => {
    const strategies = createStrategies();
    expect([...strategies.keys()]).toEqual([...STRATEGY_IDS]);
    for (const [id, strategy] of strategies) expect(strategy.id).toBe(id);
  });

  test('an unknown id says which there are', () => {
    expect(() => strategyById('best')).toThrow(
      expect.objectContaining({
        code: 'ERR_STRATEGY_UNKNOWN',
        fix: expect.stringContaining('guided-greedy') as string,
      }),
    );
  });

  test('passes the vote aggregation on', () => {
    const candidates = [candidate(0, 'A', [0.25, 1]), candidate(1, 'B', [0.5, 0.5])];
    const strategy = strategyById('weighted-vote', { voteAggregation: 'last' });
    expect(strategy.kind === 'selection' && strategy.select(candidates).chosen).toBe(0);
  });

  test('names what answers without a PRM', () => {
    expect(strategiesWithoutPrm()).toEqual(['pass-at-1', 'majority']);
  });
});
