import { describe, expect, it } from 'vitest';
import { countedSteps, firstErrorAccuracy, stepErrorMetrics, type ScoredTrace } from './step-errors.ts';

const KINDS = ['perception', 'perception', 'reasoning'] as const;

function trace(probabilities: readonly number[], trueFirstError: number | null, groupId = 'a'): ScoredTrace {
  return { probabilities, kinds: KINDS, trueFirstError, groupId, family: 'count' };
}

describe('countedSteps', () => {
  it('counts steps up to and including the first wrong one', () => {
    const steps = countedSteps([trace([0.9, 0.2, 0.1], 1)]);
    expect(steps.map(({ p, right, kind }) => [p, right, kind])).toEqual([
      [0.9, true, 'perception'],
      [0.2, false, 'perception'],
    ]);
  });

  it('counts every step of a solution without an error', () => {
    expect(countedSteps([trace([0.9, 0.8, 0.7], null)]).map(({ right }) => right)).toEqual([true, true, true]);
  });
});

describe('stepErrorMetrics', () => {
  it('takes wrong as the positive class and calls wrong what lies below the threshold', () => {
    const steps = countedSteps([
      trace([0.2, 0.9, 0.9], 0),
      trace([0.3, 0.1, 0.9], 1, 'b'),
      trace([0.9, 0.6, 0.9], 1, 'c'),
    ]);
    // Wrong steps: .2, .1, .6; called wrong below .5: .2, .3, .1.
    const metrics = stepErrorMetrics(steps, 0.5, 1);
    expect(metrics).toMatchObject({ steps: 5, errors: 3 });
    expect(metrics.precision).toBeCloseTo(2 / 3);
    expect(metrics.recall).toBeCloseTo(2 / 3);
    expect(metrics.f1).toBeCloseTo(2 / 3);
    const [low, high] = metrics.f1Ci95 ?? [Number.NaN, Number.NaN];
    expect(low).toBeLessThanOrEqual(2 / 3);
    expect(high).toBeGreaterThanOrEqual(2 / 3);
  });

  it('has no F1 and no interval where nothing is wrong and nothing is called wrong', () => {
    const metrics = stepErrorMetrics(countedSteps([trace([0.9, 0.9, 0.9], null)]), 0.5, 1);
    expect(metrics).toMatchObject({ f1: null, f1Ci95: null, auroc: null, errors: 0 });
  });
});

it('names a first error only when the step is exact, and a clean solution when nothing is called', () => {
  const traces = [
    trace([0.9, 0.2, 0.1], 1),
    trace([0.2, 0.2, 0.1], 1),
    trace([0.9, 0.9, 0.9], null),
    trace([0.9, 0.9, 0.1], null),
  ];
  expect(firstErrorAccuracy(traces, 0.5)).toBe(0.5);
  expect(firstErrorAccuracy([], 0.5)).toBeNull();
});
