import { fc, test as propertyTest } from '@fast-check/vitest';
import type { StepLabel } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { reviewedBy } from '../testing/traces.ts';
import { majorityReading, readJudge, readVotes } from './judge-reading.ts';

describe('votes', () => {
  it('end at the first error, and a reading that is not whole is no vote', () => {
    const votes = readVotes(
      reviewedBy([
        [1, -1, 1],
        [1, null, 1],
        [1, null, -1],
        [0, 1, 1],
      ]),
    );
    expect(votes).toEqual([
      { by: 'judge-0', verdicts: [1, -1, null], firstError: 1 },
      { by: 'judge-3', verdicts: [0, 1, 1], firstError: null },
    ]);
  });

  it.each<[string, StepLabel[][], StepLabel[]]>([
    [
      'most votes name the first error',
      [
        [1, -1],
        [1, -1],
        [-1, 1],
      ],
      [1, -1],
    ],
    [
      'the earliest of errors that equally many name',
      [
        [1, 1, -1],
        [1, -1, 1],
        [1, 1, 1],
      ],
      [1, -1, null],
    ],
    [
      'more right than wrong',
      [
        [1, 1],
        [1, 1],
        [-1, 1],
      ],
      [1, 1],
    ],
    [
      'neutral by most of those that agree on the trace',
      [
        [0, 1],
        [0, 1],
        [1, 1],
        [-1, 0],
        [-1, 0],
      ],
      [0, 1],
    ],
    [
      'neutral by half of them is right',
      [
        [0, 1],
        [1, 1],
      ],
      [1, 1],
    ],
    [
      'an unfinished reading does not make a tie',
      [
        [1, -1],
        [1, null],
      ],
      [1, -1],
    ],
  ])('%s', (_, readings, verdicts) => {
    expect(readJudge(reviewedBy(readings))).toMatchObject({ verdicts });
  });

  it('say nothing when they are even, or when there is none', () => {
    expect(
      readJudge(
        reviewedBy([
          [1, -1],
          [1, 1],
        ]),
      ),
    ).toBe('judges-tied');
    expect(readJudge(reviewedBy([[1, null]]))).toBe('no-judge-verdict');
  });

  const anyVotes = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 7 })).chain(([steps, votes]) =>
    fc.array(fc.array(fc.constantFrom<StepLabel>(1, 1, 0, -1, null), { minLength: steps, maxLength: steps }), {
      minLength: votes,
      maxLength: votes,
    }),
  );

  propertyTest.prop([anyVotes, fc.nat()])('do not depend on their order', (readings, turn) => {
    const at = turn % readings.length;
    const turned = [...readings.slice(at), ...readings.slice(0, at)];
    expect(readJudge(reviewedBy(turned))).toEqual(readJudge(reviewedBy(readings)));
  });

  propertyTest.prop([anyVotes])('read a trace as most of them do', (readings) => {
    const votes = readVotes(reviewedBy(readings));
    const wrong = votes.filter(({ firstError }) => firstError !== null).length;
    const reading = majorityReading(votes);
    if (votes.length === 0) expect(reading).toBe('no-judge-verdict');
    else if (2 * wrong === votes.length) expect(reading).toBe('judges-tied');
    else {
      const { firstError } = reading as Exclude<typeof reading, string>;
      expect(firstError !== null).toBe(2 * wrong > votes.length);
      expect(votes.map((vote) => vote.firstError)).toContain(firstError);
    }
  });
});
