import { AUDIT_SCHEMA, type Audit, type StepLabel, type Trace } from '@vlprm/core/records';
import { createRandom, type Random } from '@vlprm/core/runtime';
import { describe, expect, it } from 'vitest';
import { traceWith, type StepEvidence } from '../testing/traces.ts';
import { errorRatesSchema } from './error-rates.ts';
import { fitErrorRates } from './fit-error-rates.ts';
import { relabel } from './relabel.ts';

const STEPS = 6;
const JUDGE = { right: 0.03, error: 0.75, after: 0.15 };
const HAZARD = 0.12;

interface Simulated {
  readonly trace: Trace;
  readonly firstError: number | null;
}

/** A trace of six steps: an error comes by the hazard and lowers the success rate, or does not; the judge reads along. */
function simulate(id: string, random: Random): Simulated {
  let firstError: number | null = null;
  let flagged = false;
  let success = 0.8;
  const steps = Array.from({ length: STEPS }, (_, index): StepEvidence => {
    if (firstError === null && random.uniform() < HAZARD) {
      firstError = index;
      if (random.uniform() < 0.7) success = 0.1;
    }
    const phase = firstError === null ? 'right' : firstError === index ? 'error' : 'after';
    const flags: boolean = !flagged && random.uniform() < JUDGE[phase];
    const judge: StepLabel = flagged ? null : flags ? -1 : 1;
    flagged ||= flags;
    const correct = Array.from({ length: 16 }, () => random.uniform()).filter((draw) => draw < success).length;
    return { text: `${id}/${index}`, judge, mc: { correct, incorrect: 16 - correct } };
  });
  const outcome = random.uniform() < success ? 'correct' : 'incorrect';
  return { trace: traceWith(steps, { id, problemId: id, outcome }), firstError };
}

/** The same reading under as many names of judges. */
const copiedJudges = (trace: Trace, count: number): Trace => ({
  ...trace,
  steps: trace.steps.map((step) => ({
    ...step,
    judge: step.judge.flatMap(({ verdict }) =>
      Array.from({ length: count }, (_, i) => ({ verdict, by: `judge-${i}` })),
    ),
  })),
});

const simulateMany = (count: number, seed: number): Simulated[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => simulate(`t${i}`, random));
};

const auditOf = ({ trace, firstError }: Simulated, fields: Partial<Audit> = {}): Audit => ({
  schema: AUDIT_SCHEMA,
  traceId: trace.id,
  stratum: 'all',
  weight: 1,
  finding: { firstError, by: 'someone' },
  ...fields,
});

describe('fitErrorRates', () => {
  const simulated = simulateMany(1600, 41);
  const traces = simulated.map(({ trace }) => trace);

  it('recovers the rates that made the traces', () => {
    const audits = simulated.slice(0, 600).map((one) => auditOf(one));
    const rates = fitErrorRates(traces, audits);
    expect(errorRatesSchema.parse(JSON.parse(JSON.stringify(rates)))).toEqual(rates);
    expect(Math.abs(rates.kinds.any.hazard - HAZARD)).toBeLessThan(0.03);
    for (const phase of ['right', 'error', 'after'] as const) {
      expect(Math.abs((rates.kinds.any.flags['judge-a']?.[phase] ?? 0) - JUDGE[phase])).toBeLessThan(0.08);
    }
    const mean = (weights: readonly number[] = []): number =>
      weights.reduce((sum, weight, level) => sum + weight * (rates.levels[level] ?? 0), 0);
    const { transitions } = rates.kinds.perception;
    expect(mean(transitions.right[3])).toBeGreaterThan(0.7);
    expect(mean(transitions.error[3])).toBeLessThan(0.45);
    expect(mean(transitions.after[1])).toBeLessThan(0.3);
  });

  it('labels better than the judge and knows how well, after 200 audits', () => {
    const rates = fitErrorRates(
      traces,
      simulated.slice(0, 200).map((one) => auditOf(one)),
    );
    const held = simulated.slice(200);
    const rightCalls = (labelled: readonly Trace[]): number =>
      labelled.reduce((sum, { firstError }, i) => {
        const truth = held[i]?.firstError ?? null;
        const isWrong = (error: number | null, step: number): boolean => error !== null && step >= error;
        const steps = Array.from({ length: STEPS }, (_, step) => isWrong(firstError, step) === isWrong(truth, step));
        return sum + steps.filter(Boolean).length / STEPS / labelled.length;
      }, 0);
    const unlabelled = held.map(({ trace }) => trace);
    const posterior = relabel(unlabelled, 'posterior', { errorRates: rates });
    const accuracy = rightCalls(posterior);
    const confidence = posterior.reduce((sum, { consensus }) => sum + (consensus?.confidence ?? 0), 0) / held.length;
    expect(accuracy).toBeGreaterThan(rightCalls(relabel(unlabelled, 'judge')) + 0.02);
    expect(Math.abs(confidence - accuracy)).toBeLessThan(0.03);
  });

  it('undoes the picking by the weights, and shares those of audits that were not filled in', () => {
    const wrong = simulated.filter(({ firstError }) => firstError !== null);
    const right = simulated.filter(({ firstError }) => firstError === null);
    const audits = [
      ...wrong.slice(0, 40).map((one) => auditOf(one, { stratum: 'wrong', weight: wrong.length / 80 })),
      ...wrong.slice(40, 80).map((one) => auditOf(one, { stratum: 'wrong', weight: wrong.length / 80, finding: null })),
      ...right.slice(0, 40).map((one) => auditOf(one, { stratum: 'right', weight: right.length / 40 })),
    ];
    const rates = fitErrorRates(traces, audits);
    expect(rates.audits).toBe(80);
    expect(Math.abs(rates.kinds.any.hazard - HAZARD)).toBeLessThan(0.03);
    const unweighted = fitErrorRates(
      traces,
      audits.map((audit) => ({ ...audit, weight: 1 })),
    );
    expect(unweighted.kinds.any.hazard).toBeGreaterThan(HAZARD);
  });

  it('gives the posterior mean of each rate under its prior', () => {
    const one = traceWith([{ kind: null, judge: -1, text: 'only' }], { outcome: 'failed' });
    const few = Array.from({ length: 30 }, (_, i) => ({
      trace: { ...one, id: `f${i}`, problemId: `f${i}` },
      firstError: i < 12 ? 0 : null,
    }));
    const { kinds } = fitErrorRates(
      few.map(({ trace }) => trace),
      few.map((audited) => auditOf(audited)),
    );
    expect(kinds.any.hazard).toBeCloseTo((12 + 1) / (30 + 5), 12);
    expect(kinds.any.flags['judge-a']?.error).toBeCloseTo((12 + 4) / (12 + 5), 12);
    expect(kinds.any.flags['judge-a']?.right).toBeCloseTo((18 + 0.5) / (18 + 10), 12);
    expect(kinds.perception.hazard).toBeCloseTo(1 / 5, 12);
    expect(kinds.any.siblings?.right[0]).toBeCloseTo(1 / 5, 12);
  });

  it('is less sure of itself where sources err together', () => {
    const alone = fitErrorRates(
      traces,
      simulated.slice(0, 200).map((one) => auditOf(one)),
    );
    const copied = simulated.slice(0, 200).map((one) => ({ ...one, trace: copiedJudges(one.trace, 4) }));
    const together = fitErrorRates(
      copied.map(({ trace }) => trace),
      copied.map((one) => auditOf(one)),
    );
    expect(together.temperature).toBeGreaterThan(alone.temperature);
  });

  it('leaves siblings out when told to', () => {
    const audits = simulated.slice(0, 40).map((one) => auditOf(one));
    expect(fitErrorRates(traces, audits, { siblings: false }).kinds.any.siblings).toBeNull();
  });

  const audits = simulated.slice(0, 60).map((one) => auditOf(one));
  it.each([
    ['too few findings', audits.map((audit, i) => (i < 29 ? audit : { ...audit, finding: null }))],
    ['no audits', []],
    ['a trace of another dataset', [...audits, { ...audits[0], traceId: 'elsewhere' } as Audit]],
    ['a trace twice', [...audits, audits[0] as Audit]],
    [
      'a step that is not there',
      [{ ...audits[0], finding: { firstError: STEPS, by: 'x' } } as Audit, ...audits.slice(1)],
    ],
  ])('refuses %s', (_, given) => {
    expect(() => fitErrorRates(traces, given)).toThrow(expect.objectContaining({ code: 'ERR_AUDIT_INVALID' }));
  });
});
