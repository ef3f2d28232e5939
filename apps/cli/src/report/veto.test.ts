import type { StepValue } from '@vlprm/core/records';
import { expect, it } from 'vitest';
import { vetoQuality, type PassedTrace } from './veto.ts';

const value = (correct: number, incorrect: number, failed = 0): StepValue => {
  return { correct, incorrect, unparsable: 0, failed, budget: 16 };
};
const passed = (values: readonly StepValue[], wrong: readonly boolean[]): PassedTrace => ({ values, wrong });

it('compares missed errors in dropped and kept traces', () => {
  const veto = vetoQuality([
    passed([value(4, 12), value(0, 16), value(0, 16)], [false, true, false]),
    passed([value(9, 7), value(9, 7), value(16, 0)], [true, false, false]),
    passed([value(9, 7), value(9, 7), value(16, 0)], [false, false, false]),
  ]);
  expect(veto).toMatchObject({ missedRateDropped: 1, missedRateKept: 0.5, dropped: 1, kept: 2 });
});

it('tells what is left of the veto without the evidence that repeats the own answer', () => {
  const veto = vetoQuality([
    passed([value(4, 12), value(0, 16)], [false, true]),
    passed([value(4, 12), value(16, 0)], [false, false]),
  ]);
  expect(veto).toMatchObject({ missedRateDropped: 1, dropped: 1 });
  expect(veto.withoutLastStepEvidence).toEqual({ missedRateDropped: null, missedRateKept: 0.5, dropped: 0, kept: 2 });
  expect(veto.withoutLastStepErrors).toMatchObject({ missedRateDropped: 0, dropped: 1 });
});

it('takes no veto from rollouts that all failed', () => {
  expect(vetoQuality([passed([value(0, 0, 16)], [true])])).toMatchObject({ dropped: 0, kept: 1, missedRateKept: 1 });
});
