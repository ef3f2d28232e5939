import type { StepLabel } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { traceWith, type StepEvidence } from '../testing/traces.ts';
import { disagreements } from './disagreements.ts';

const good = { correct: 12, incorrect: 4 };
const dead = { incorrect: 16 };

let made = 0;
const trace = (outcome: 'correct' | 'incorrect', ...pairs: [StepEvidence['mc'], StepLabel | undefined][]) =>
  traceWith(
    pairs.map(([mc, judge]) => ({ mc: mc ?? null, judge })),
    { id: `trace-${made++}`, outcome },
  );

describe('disagreements', () => {
  const traces = [
    trace('correct', [good, 1], [good, 1]),
    trace('correct', [good, 1], [good, 1]),
    trace('incorrect', [good, 1], [dead, -1]),
    trace('incorrect', [good, -1], [dead, null]),
    trace('incorrect', [dead, 1], [dead, -1]),
    trace('incorrect', [good, 1], [dead, 1]),
    trace('correct', [good, -1], [good, null]),
    trace('correct', [good, undefined], [good, undefined]),
    trace('incorrect', [good, 1], [{ failed: 16 }, 1]),
  ];
  const found = disagreements(traces);

  it('counts patterns with outcomes and the kinds of the errors that each side names', () => {
    expect(found.patterns.map(({ pattern, traces: count }) => [pattern, count])).toEqual([
      ['both-right', 2],
      ['both-wrong-same-step', 1],
      ['both-wrong-judge-earlier', 1],
      ['both-wrong-mc-earlier', 1],
      ['judge-wrong-mc-right', 1],
      ['judge-right-mc-wrong', 1],
      ['judge-right-mc-none', 1],
      ['judge-none-mc-right', 1],
    ]);
    const earlier = found.patterns.find(({ pattern }) => pattern === 'both-wrong-judge-earlier');
    expect(earlier).toMatchObject({
      outcomes: { correct: 0, incorrect: 1, unparsable: 0, failed: 0 },
      judgeErrorKinds: { perception: 1, reasoning: 0, unknown: 0 },
      mcErrorKinds: { perception: 0, reasoning: 1, unknown: 0 },
    });
  });

  it('tells the agreement of the traces on which both have a verdict', () => {
    expect(found).toMatchObject({ traces: 9, judgedByBoth: 7, sameVerdict: 5, sameFirstError: 3 });
    expect(found.firstErrors).toContainEqual({ judge: null, mc: null, traces: 2 });
    expect(found.firstErrors).toContainEqual({ judge: 0, mc: 1, traces: 1 });
    expect(found.firstErrors.reduce((sum, { traces: count }) => sum + count, 0)).toBe(7);
  });

  it('draws the same examples from the same traces in any order', () => {
    const turned = disagreements([...traces].reverse(), { examples: 1, seed: 3 });
    expect(turned).toEqual(disagreements(traces, { examples: 1, seed: 3 }));
    expect(turned.patterns.every(({ examples }) => examples.length === 1)).toBe(true);
  });
});
