import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { faultsSchema } from './faults/schema.ts';
import { faultParts } from './faults/tables.ts';
import { firstErrorAgreement, labelAgreement } from './labels/agreement.ts';
import { calibrationError, comparePosterior } from './labels/comparison.ts';
import { labelsFigure } from './labels/figure.ts';
import { studyLabels } from './labels/label-study.ts';
import type { MeasuredSeed } from './labels/measured-seed.ts';
import type { Reading, ReadTrace } from './labels/reading.ts';
import { labelsSchema } from './labels/schema.ts';
import { REFERENCE } from './labels/settings.ts';
import { withParts } from './labels/page.ts';
import { labelParts } from './labels/tables.ts';

const file = (path: string): URL => new URL(path, import.meta.url);
const read = (path: string): string => readFileSync(file(path), 'utf8');

const reading = (firstError: number | null, fields: Partial<Reading> = {}): Reading => {
  return { kept: true, firstError, ownWrong: null, right: null, confidence: null, ...fields };
};
const trace = (i: number, fields: Partial<ReadTrace> = {}): ReadTrace => ({
  group: `group-${i}`,
  seed: 0,
  kinds: ['perception', 'reasoning'],
  wrongAnswer: true,
  trueFirstError: null,
  audited: false,
  ...fields,
});

describe('docs/labels.md', () => {
  const result = (name: string): URL => file(`./results/${name}.json`);
  const page = read('../../../docs/labels.md');

  it.runIf(existsSync(result('labels')))('shows the committed labels, in tables and figure', () => {
    const committed = labelsSchema.parse(JSON.parse(readFileSync(result('labels'), 'utf8')));
    expect(withParts(page, labelParts(committed))).toBe(page);
    expect(labelsFigure(committed)).toBe(read('../../../docs/figures/labels.svg'));
  });

  it.runIf(existsSync(result('faults')))('shows the committed runs among faults, whose verdicts hold', () => {
    const committed = faultsSchema.parse(JSON.parse(readFileSync(result('faults'), 'utf8')));
    expect(withParts(page, faultParts(committed))).toBe(page);
    expect(committed.verdicts.filter(({ holds }) => !holds)).toEqual([]);
  });

  it('has a place for every part', () => {
    expect(() => withParts(page, { unknown: '' })).toThrow('no place for unknown');
    expect(withParts('a <!-- x:begin -->\nold\n<!-- x:end --> b', { x: 'new' })).toBe(
      'a <!-- x:begin -->\nnew\n<!-- x:end --> b',
    );
  });
});

describe('agreement', () => {
  it('counts steps that are called the same, wrong from the first error on', () => {
    const pairs = [
      { trace: trace(0), a: reading(0), b: reading(1) },
      { trace: trace(1), a: reading(null), b: reading(null) },
      { trace: trace(2), a: reading(null), b: reading(null, { kept: false }) },
      { trace: trace(3), a: reading(0, { kept: false }), b: reading(1, { kept: false }) },
    ];
    expect(labelAgreement(pairs, 0)).toMatchObject({ value: 5 / 8, n: 8 });
  });

  it('of first errors looks at wrong answers alone', () => {
    const pairs = [
      { trace: trace(0), a: reading(1), b: reading(1) },
      { trace: trace(1), a: reading(1), b: reading(null) },
      { trace: trace(2, { wrongAnswer: false }), a: reading(1), b: reading(0) },
    ];
    expect(firstErrorAgreement(pairs, 0)).toMatchObject({ value: 1 / 2, n: 2 });
    expect(firstErrorAgreement([], 0)).toEqual({ value: null, ci95: null, n: 0 });
  });
});

it('calibration error weighs the gap of each bin by its steps', () => {
  const scores = [
    { p: 0.95, right: true },
    { p: 0.95, right: false },
    { p: 1, right: true },
    { p: 0.1, right: false },
  ];
  expect(calibrationError(scores)).toBeCloseTo((0.9 + 0.1) / 4, 12);
  expect(calibrationError([])).toBeNull();
});

describe('the posterior beside a rule', () => {
  /** Traces that are right throughout; one audited. The rule drops the last and errs in the first. */
  const seed = (posterior: (i: number) => Reading): MeasuredSeed => {
    const traces = Array.from({ length: 40 }, (_, i) => trace(i, { audited: i === 1 }));
    const other = traces.map((_, i) => reading(i === 0 ? 0 : null, { kept: i < 39 }));
    return {
      traces,
      evidence: new Map([
        [
          REFERENCE.name,
          {
            plan: REFERENCE,
            rollouts: 0,
            calls: 0,
            readings: { hybrid: other, posterior: traces.map((_, i) => posterior(i)) },
          },
        ],
      ]),
      wrongAnswerRollouts: 0,
      auditWeights: traces.map(({ audited }) => (audited ? 40 : null)),
    };
  };

  it('leaves out its least confident traces, down to the coverage of the rule', () => {
    const doubtful = seed((i) =>
      reading(i === 20 ? 0 : null, { confidence: i === 20 ? 0.5 : 0.9, right: i === 20 ? [0.5, 0.5] : [0.9, 0.9] }),
    );
    const compared = comparePosterior([doubtful], REFERENCE.name, 'hybrid');
    expect(compared.coverage).toBeCloseTo(38 / 39, 12);
    expect(compared.stepAccuracy).toMatchObject({ posterior: 1, rule: 37 / 38 });
    expect(compared.calibration.posterior.brier).toBeCloseTo(0.01, 12);
    expect(compared.calibration.asLabelled.brier).toBeCloseTo(1 / 38, 12);
    expect(compared.wins).toBe(false);
  });

  it('does not win where it says the same', () => {
    const same = seed((i) => reading(i === 0 ? 0 : null, { confidence: 1, right: i === 0 ? [0, 0] : [1, 1] }));
    const { stepAccuracy, wins } = comparePosterior([same], REFERENCE.name, 'hybrid');
    expect(stepAccuracy.gain.value).toBeCloseTo(0, 12);
    expect(wins).toBe(false);
  });
});

it('a small study has every row, and repeats itself', async () => {
  const settings = {
    seeds: [1000],
    puzzles: 48,
    tracesPerPuzzle: 2,
    chains: 6,
    tracesPerChain: 2,
    chainSteps: 12,
    audits: 40,
  };
  const study = () => studyLabels(settings, () => undefined);
  const first = await study();
  expect(first.traces).toBe(96);
  for (const { kept, stepAccuracy } of first.quality) {
    expect(kept).toBeGreaterThan(0);
    expect(stepAccuracy).toBeGreaterThan(0);
  }
  expect(first.quality.filter(({ rule }) => rule === 'posterior').length).toBeGreaterThan(5);
  expect(first.agreement.map(({ agreement }) => agreement.n).every((n) => n > 0)).toBe(true);
  expect(await study()).toEqual(first);
}, 120_000);
