import { readFileSync } from 'node:fs';
import type { StepKind, StepLabel } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { joinScores, scoresById, type EvaluationItem } from './evaluation-item.ts';
import { evaluateSuite, SUITE_NAMES, type SuiteName } from './suite.ts';

interface GoldenRow {
  id: string;
  source: string;
  group: string;
  labels: StepLabel[];
  scores: number[];
  kinds: (StepKind | null)[];
}
type Values = Record<string, number>;
interface Golden {
  threshold: number;
  cases: Record<SuiteName, { rows: GoldenRow[]; expected: Values; bySource: Record<string, Values> }>;
}

const golden = JSON.parse(readFileSync(new URL('./fixtures/golden.json', import.meta.url), 'utf8')) as Golden;

function itemOf({ id, source, group, labels, kinds }: GoldenRow): EvaluationItem {
  const wrong = labels.indexOf(-1);
  return {
    ids: [id],
    source,
    groupId: group,
    steps: labels.map((label, i) => ({ label, kind: kinds[i]! })),
    firstError: wrong < 0 ? null : wrong,
  };
}

const scoresOf = (rows: GoldenRow[]) => new Map(rows.map(({ id, scores }) => [id, scores]));

describe.each(SUITE_NAMES)('suite %s', (suite) => {
  const { rows, expected, bySource } = golden.cases[suite];
  const result = evaluateSuite({ suite, items: rows.map(itemOf), scores: scoresOf(rows) });

  it.each(Object.entries(expected))('has the %s of the independent computation', (name, value) => {
    expect(result.metrics[name]).toBeCloseTo(value, 10);
  });

  it('has the same per source', () => {
    for (const [source, values] of Object.entries(bySource)) {
      for (const [name, value] of Object.entries(values)) {
        expect(result.bySource[source]![name], `${source} ${name}`).toBeCloseTo(value, 10);
      }
    }
    expect(Object.values(result.bySource).reduce((sum, { n }) => sum + n, 0)).toBe(result.n);
  });

  it('puts an interval around each metric that is defined', () => {
    for (const [name, bounds] of Object.entries(result.ci95)) {
      const value = result.metrics[name];
      if (value === null || value === undefined) expect(bounds, name).toBeNull();
      else {
        const [low, high] = bounds!;
        expect(low, name).toBeLessThan(high);
        expect(high - low, name).toBeLessThan(0.5);
        if (name !== 'ece') expect(low <= value && value <= high, name).toBe(true);
      }
    }
  });

  it('counts steps and errors', () => {
    const labels = rows.flatMap((row) => row.labels);
    expect(result).toMatchObject({
      n: rows.length,
      steps: labels.filter((label) => label === 1 || label === -1).length,
      errors: labels.filter((label) => label === -1).length,
      threshold: { value: 0.5, chosenOn: 'default' },
    });
  });
});

it('reports null, not 0, for kinds that the data does not tell', () => {
  const { rows } = golden.cases.processbench;
  const { metrics, ci95 } = evaluateSuite({ suite: 'processbench', items: rows.map(itemOf), scores: scoresOf(rows) });
  expect([metrics['perceptionF1'], metrics['reasoningF1'], ci95['perceptionF1']]).toEqual([null, null, null]);
});

describe('definitions at the edges', () => {
  const item = (labels: StepLabel[], firstError: number | null | undefined): EvaluationItem => ({
    ids: ['a'],
    source: 's',
    groupId: 'g',
    steps: labels.map((label) => ({ label, kind: null })),
    firstError,
  });
  const evaluate = (suite: SuiteName, labels: StepLabel[], scores: number[], firstError?: number | null) =>
    evaluateSuite({ suite, items: [item(labels, firstError)], scores: new Map([['a', scores]]) }).metrics;

  it('a score at the threshold is not called wrong', () => {
    expect(evaluate('traces', [-1, 1], [0.5, 0.5], 0)['perceptionF1']).toBeNull();
    expect(evaluate('traces', [-1, 1], [0.5, 0.5], 0)['f1Wrong']).toBe(0);
  });

  it('a neutral step contributes to nothing', () => {
    const with0 = evaluate('visualprocessbench', [1, 0, -1], [0.9, 0.1, 0.2], 2);
    expect(with0).toMatchObject({ f1Correct: 1, f1Wrong: 1, firstErrorAccuracy: 1 });
    expect(with0['brier']).toBeCloseTo((0.1 ** 2 + 0.2 ** 2) / 2, 12);
  });

  it('ProcessBench F1 is 0 when neither side is ever right, null when a side is absent', () => {
    const items = [item([1, -1], 1), { ...item([1, 1], null), ids: ['b'] }];
    const scores = new Map([
      ['a', [0.1, 0.1]],
      ['b', [0.1, 0.1]],
    ]);
    expect(evaluateSuite({ suite: 'processbench', items, scores }).metrics).toMatchObject({
      f1: 0,
      accuracyError: 0,
      accuracyCorrect: 0,
    });
    expect(evaluate('processbench', [1, -1], [0.9, 0.1], 1)).toMatchObject({
      f1: null,
      accuracyError: 1,
      accuracyCorrect: null,
    });
  });

  it('an item whose first error is not known is left out of first-error accuracy', () => {
    expect(evaluate('traces', [1, null], [0.9, 0.1], undefined)['firstErrorAccuracy']).toBeNull();
  });
});

describe('predictions', () => {
  const row = (value: unknown, line = 1) => ({ value, where: `p.jsonl:${line}` });
  const step = (traceId: string, at: number, p: number) =>
    row({ schema: 'vlprm.prediction/1', traceId, step: at, logitPos: 0, logitNeg: 0, p, usage: null });

  it('are rows of scores or rows of steps, in any order', () => {
    const scores = scoresById([row({ id: 7, scores: [0.1, 1] }), step('t', 1, 0.25), step('t', 0, 0.75)]);
    expect(Object.fromEntries(scores)).toEqual({ 7: [0.1, 1], t: [0.75, 0.25] });
  });

  it.each([
    ['a score above 1', [row({ id: 'a', scores: [1.1] })], 'ERR_FILE_MALFORMED'],
    ['no scores', [row({ id: 'a' })], 'ERR_FILE_MALFORMED'],
    ['an id twice', [row({ id: 'a', scores: [1] }), row({ id: 'a', scores: [1] }, 2)], 'ERR_FILE_MALFORMED'],
    ['a step twice', [step('t', 0, 1), step('t', 0, 1)], 'ERR_FILE_MALFORMED'],
    ['a gap in the steps', [step('t', 0, 1), step('t', 2, 1)], 'ERR_STEP_COUNT'],
  ])('refuse %s', (_, rows, code) => {
    expect(() => scoresById(rows)).toThrow(expect.objectContaining({ code }));
  });

  const items: EvaluationItem[] = ['x', 'y'].map((id, i) => ({
    ids: [id, `hash-${id}`, String(i)],
    source: 's',
    groupId: id,
    steps: [{ kind: null, label: 1 }],
    firstError: null,
  }));

  it('belong to a row by its own id, its hash or its number, the first winning', () => {
    const joined = joinScores(
      items,
      new Map([
        ['1', [0.2]],
        ['hash-x', [0.1]],
      ]),
    );
    expect(joined.map(({ scores }) => scores)).toEqual([[0.1], [0.2]]);
    const numbered = items.map((item, i) => ({ ...item, ids: [String(1 - i), String(i)] }));
    expect(
      joinScores(
        numbered,
        new Map([
          ['1', [0.2]],
          ['0', [0.1]],
        ]),
      ).map(({ scores }) => scores),
    ).toEqual([[0.2], [0.1]]);
  });

  it.each([
    ['one is missing', [['x', [0.1]]], 'ERR_DATASET_INVALID'],
    [
      'one belongs to nothing',
      [
        ['x', [0.1]],
        ['y', [0.1]],
        ['z', [0.1]],
      ],
      'ERR_DATASET_INVALID',
    ],
    [
      'two name the same row',
      [
        ['x', [0.1]],
        ['y', [0.1]],
        ['0', [0.1]],
      ],
      'ERR_DATASET_INVALID',
    ],
    [
      'there are more scores than steps',
      [
        ['x', [0.1, 0.2]],
        ['y', [0.1]],
      ],
      'ERR_STEP_COUNT',
    ],
    [
      'there are fewer scores than steps',
      [
        ['x', []],
        ['y', [0.1]],
      ],
      'ERR_STEP_COUNT',
    ],
  ] as [string, [string, number[]][], string][])('are refused when %s', (_, scores, code) => {
    expect(() => joinScores(items, new Map(scores))).toThrow(expect.objectContaining({ code }));
  });
});

it.each([-0.1, 1.1, Number.NaN])('a threshold of %s is refused', (value) => {
  const { rows } = golden.cases.traces;
  const input = { suite: 'traces', items: rows.map(itemOf), scores: scoresOf(rows) } as const;
  expect(() => evaluateSuite({ ...input, threshold: { value, chosenOn: 'given' } })).toThrow(
    expect.objectContaining({ code: 'ERR_RANGE' }),
  );
});
