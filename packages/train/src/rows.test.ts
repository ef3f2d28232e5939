import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnableTraces, traceOf, type StepSpec } from './fixtures/traces.ts';
import { resolveTrainOptions, type TrainOptionsInput } from './options.ts';
import {
  assembleRows,
  balanceClasses,
  countSupervisedSteps,
  isValidationGroup,
  limitSupervisedSteps,
  splitByGroup,
  traceRows,
} from './rows.ts';
import { availableSupervisedSteps } from './train.ts';

const WEIGHTS = resolveTrainOptions();
const CLEAN: StepSpec[] = [{ label: 1 }, { label: 1, kind: 'reasoning' }];
const BROKEN: StepSpec[] = [{ label: 1 }, { label: -1 }, { label: null, kind: 'reasoning' }];

function rowsIn(count: number, seed = 1) {
  const traces = learnableTraces(count, seed);
  const firstRow = new Map(traces.map(({ id }, i) => [id, 7 * i]));
  return assembleRows(
    traces,
    { width: 1, features: new Float32Array(0), firstRow, blind: false, forwards: 0 },
    WEIGHTS,
  );
}

describe('traceRows', () => {
  it('of a clean trace are its steps and the whole solution, all right', () => {
    const { rows, clean } = traceRows(traceOf('a', CLEAN), 10, WEIGHTS);
    expect(clean).toBe(true);
    expect(rows).toEqual([
      { row: 10, role: 'step', kind: 'perception', target: 1, weight: 1 },
      { row: 11, role: 'step', kind: 'reasoning', target: 1, weight: 1 },
      { row: 12, role: 'solution', kind: null, target: 1, weight: 1 },
    ]);
  });

  it.each([
    [{ correct: 8, incorrect: 7, unparsable: 1, failed: 0, budget: 16 }, true],
    [{ correct: 0, incorrect: 0, unparsable: 0, failed: 16, budget: 16 }, true],
    [{ correct: 7, incorrect: 8, unparsable: 1, failed: 0, budget: 16 }, false],
    [{ correct: 7, incorrect: 0, unparsable: 8, failed: 1, budget: 16 }, false],
  ])(
    'keep their labels where rollouts speak otherwise, but the trace is clean only where they do not: %o',
    (mc, clean) => {
      const trace = traceOf('a', CLEAN);
      const read = traceRows({ ...trace, steps: trace.steps.map((step) => ({ ...step, mc })) }, 0, WEIGHTS);
      expect(read.clean).toBe(clean);
      expect(read.rows).toEqual(traceRows(trace, 0, WEIGHTS).rows);
    },
  );

  it('after a first error are wrong with the weight of such steps', () => {
    const { rows, clean } = traceRows(traceOf('a', BROKEN), 0, { ...WEIGHTS, reasoningWeight: 2 });
    expect(clean).toBe(false);
    expect(rows.map(({ role, target, weight }) => [role, target, weight])).toEqual([
      ['step', 1, 1],
      ['step', 0, 1],
      ['after-error', 0, 0.4],
      ['solution', 0, 1],
    ]);
  });

  it('after an error under local semantics are what their own label says', () => {
    const local = traceOf('a', [{ label: -1 }, { label: null }, { label: 1 }], {
      consensus: { rule: 'human', semantics: 'local', kept: true, reason: '' },
    });
    expect(traceRows(local, 0, WEIGHTS).rows.map(({ row, role, target }) => [row, role, target])).toEqual([
      [0, 'step', 0],
      [2, 'step', 1],
      [3, 'solution', 0],
    ]);
  });

  it('are none for neutral and unlabelled steps, which never become a class', () => {
    const neutral = traceRows(traceOf('a', [{ label: 0 }, { label: 1 }]), 0, WEIGHTS);
    expect(neutral.rows.map(({ row, role }) => [row, role])).toEqual([
      [1, 'step'],
      [2, 'solution'],
    ]);
    const open = traceRows(traceOf('a', [{ label: 1 }, { label: null }]), 0, WEIGHTS);
    expect(open.rows.map(({ role }) => role)).toEqual(['step']);
    expect(open.clean).toBe(false);
  });

  it('leave out what has no weight', () => {
    const none = { perceptionWeight: 0, reasoningWeight: 1, postErrorWeight: 0, solutionWeight: 0 };
    expect(traceRows(traceOf('a', BROKEN), 0, none).rows).toEqual([]);
    expect(traceRows(traceOf('a', CLEAN), 0, none).rows.map(({ row }) => row)).toEqual([1]);
  });
});

it('a trace that consensus dropped gives no rows, one that was not read is an error', () => {
  const dropped = traceOf('a', CLEAN, {
    consensus: { rule: 'hybrid', semantics: 'first-error', kept: false, reason: 'x' },
  });
  const features = {
    width: 1,
    features: new Float32Array(0),
    firstRow: new Map<string, number>(),
    blind: false,
    forwards: 0,
  };
  expect(assembleRows([dropped], features, WEIGHTS)).toEqual([]);
  expect(() => assembleRows([traceOf('b', CLEAN)], features, WEIGHTS)).toThrow(
    expect.objectContaining({ code: 'ERR_DATASET_INVALID', where: 'trace b' }),
  );
});

describe('the split', () => {
  it('never has a group on both sides', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.05, max: 0.95, noNaN: true }), (seed, share) => {
        const { training, validation } = splitByGroup(rowsIn(60), seed, share);
        const held = new Set(validation.map(({ groupId }) => groupId));
        expect(training.some(({ groupId }) => held.has(groupId))).toBe(false);
        expect(training.length + validation.length).toBe(60);
      }),
      { numRuns: 30 },
    );
  });

  it('holds out about the share that is asked for, another part under another seed', () => {
    const held = (seed: number) => Array.from({ length: 4000 }, (_, i) => isValidationGroup(`g${i}`, seed, 0.2));
    const share = held(1).filter(Boolean).length / 4000;
    expect(Math.abs(share - 0.2)).toBeLessThan(0.02);
    expect(held(1)).not.toEqual(held(2));
  });
});

describe('limitSupervisedSteps', () => {
  const rows = rowsIn(50);
  const available = countSupervisedSteps(rows);

  it('keeps exactly as many steps as asked, whatever the number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: available }), fc.nat(), (limit, seed) => {
        const limited = limitSupervisedSteps(rows, limit, seed);
        expect(countSupervisedSteps(limited)).toBe(limit);
        expect(new Set(limited.map(({ traceId }) => traceId)).size).toBe(limited.length);
      }),
    );
  });

  it('cuts one trace at most', () => {
    const limited = limitSupervisedSteps(rows, Math.floor(available / 2), 3);
    const cut = limited.filter(
      ({ traceId, rows: own }) => own.length < rows.find((r) => r.traceId === traceId)!.rows.length,
    );
    expect(cut.length).toBeLessThanOrEqual(1);
  });

  it('refuses more than there are', () => {
    expect(() => limitSupervisedSteps(rows, available + 1, 0)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });

  it('availableSupervisedSteps is the largest limit', () => {
    const traces = learnableTraces(50, 1);
    const { training } = splitByGroup(rows, 5, 0.3);
    expect(availableSupervisedSteps(traces, { seed: 5, validationShare: 0.3 })).toBe(countSupervisedSteps(training));
  });
});

it('balanceClasses gives right and wrong steps the same weight and keeps the total', () => {
  const rows = rowsIn(40).flatMap((trace) => trace.rows);
  const sum = (list: typeof rows, target: 0 | 1 | null) =>
    list.reduce(
      (total, row) => total + (row.role !== 'solution' && (target === null || row.target === target) ? row.weight : 0),
      0,
    );
  const balanced = balanceClasses(rows);
  expect(sum(balanced, 0)).toBeCloseTo(sum(balanced, 1), 8);
  expect(sum(balanced, null)).toBeCloseTo(sum(rows, null), 8);
  expect(sum(rows, 0)).not.toBeCloseTo(sum(rows, 1), 1);
});

it.each([
  [{ epochs: 0 }, 'epochs'],
  [{ validationShare: 1 }, 'validationShare'],
  [{ epoch: 3 }, 'epoch'],
])('options %j are refused by name', (options, field) => {
  expect(() => resolveTrainOptions(options as TrainOptionsInput)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG' }),
  );
  try {
    resolveTrainOptions(options as TrainOptionsInput);
  } catch (error) {
    const { message, where } = error as { message: string; where: string };
    expect(`${message} ${where}`).toContain(field);
  }
});
