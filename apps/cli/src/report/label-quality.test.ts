import { describe, expect, it } from 'vitest';
import { commonQuality, errorF1, labelRow, type JudgedTrace, type RuleVerdict } from './label-quality.ts';
import { LABEL_RULES, type LabelRule } from './report-schema.ts';

const KINDS = ['perception', 'perception', 'reasoning', 'reasoning'] as const;

function trace(
  groupId: string,
  trueFirstError: number | null,
  verdicts: Partial<Record<LabelRule, RuleVerdict>>,
): JudgedTrace {
  const silent: RuleVerdict = { kept: true, firstError: null, ownWrong: null };
  return {
    groupId,
    kinds: KINDS,
    trueFirstError,
    verdicts: Object.fromEntries(
      LABEL_RULES.map((rule) => [rule, verdicts[rule] ?? silent]),
    ) as JudgedTrace['verdicts'],
  };
}

describe('labelRow', () => {
  it('reads labels and truth as wrong from the first error on', () => {
    const traces = [
      trace('a', 1, { hybrid: { kept: true, firstError: 2, ownWrong: null } }),
      trace('b', null, { hybrid: { kept: true, firstError: null, ownWrong: null } }),
    ];
    const row = labelRow(traces, 'hybrid', 1);
    // Truth of a: right, wrong, wrong, wrong; said: right, right, wrong, wrong. All of b agrees.
    expect(row.stepAccuracy).toBeCloseTo(7 / 8);
    expect(row.perceptionF1).toBe(0);
    expect(row.reasoningF1).toBe(1);
    expect(row.errorF1).toBeCloseTo(4 / 5);
  });

  it('counts a step by the first-error protocol only while everything before it is right', () => {
    const row = labelRow([trace('a', 1, { mc0: { kept: true, firstError: 3, ownWrong: null } })], 'mc0', 1);
    expect(row.firstError).toEqual({ perceptionF1: 0, reasoningF1: null });
  });

  it('lets a rule of rollouts speak by each step alone, not carry its first alarm forward', () => {
    const alarmed = { kept: true, firstError: 0, ownWrong: [true, false, true, false] };
    const row = labelRow([trace('a', 2, { mc50: alarmed })], 'mc50', 1);
    expect(row.firstError).toEqual({ perceptionF1: 0, reasoningF1: 1 });
    expect(row.perceptionF1).toBe(0);
  });

  it('leaves dropped traces out of the figures and in the coverage', () => {
    const traces = [trace('a', 0, { hybrid: { kept: false, firstError: null, ownWrong: null } }), trace('b', null, {})];
    const row = labelRow(traces, 'hybrid', 1);
    expect(row).toMatchObject({ kept: 1, dropped: 1, coverage: 0.5, stepAccuracy: 1 });
  });

  it('gives no figure where nothing was kept', () => {
    const row = labelRow([trace('a', 0, { judge: { kept: false, firstError: null, ownWrong: null } })], 'judge', 1);
    expect(row).toMatchObject({ kept: 0, stepAccuracy: null, stepAccuracyCi95: null, errorF1: null });
  });
});

describe('commonQuality', () => {
  it('compares on the traces that every rule kept', () => {
    const exact = { kept: true, firstError: 2, ownWrong: null };
    const traces = [
      trace('a', 2, { hybrid: exact, judge: exact, union: exact }),
      trace('b', 2, { hybrid: exact, judge: exact, union: exact }),
      trace('c', 0, { hybrid: { kept: false, firstError: null, ownWrong: null } }),
    ];
    const common = commonQuality(traces, 1);
    expect(common).toMatchObject({ traces: 2, steps: 8 });
    expect(common.accuracy).toEqual({ hybrid: 1, judge: 1, union: 1, mc0: 0.5, mc50: 0.5 });
    expect(common.hybridMinusMc0Ci95).toEqual([0.5, 0.5]);
    expect(common.hybridMinusJudgeCi95).toEqual([0, 0]);
  });

  it('refuses to compare on nothing', () => {
    const dropped = [trace('a', 0, { hybrid: { kept: false, firstError: null, ownWrong: null } })];
    expect(() => commonQuality(dropped, 1)).toThrow(expect.objectContaining({ code: 'ERR_DATASET_INVALID' }));
  });
});

it('has no F1 without a wrong step in truth or labels', () => {
  expect(errorF1(0, 0, 0)).toBeNull();
  expect(errorF1(0, 1, 0)).toBe(0);
});
