import { fc, test as propertyTest } from '@fast-check/vitest';
import type { StepLabel, Trace } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { traceWith } from '../testing/traces.ts';
import { pickAudits } from './audit-picking.ts';

const good = { correct: 12, incorrect: 4 };
const dead = { incorrect: 16 };
type Shape = readonly [typeof good | typeof dead, StepLabel, Trace['outcome']];
const SHAPES: readonly Shape[] = [
  [good, 1, 'correct'],
  [dead, -1, 'incorrect'],
  [dead, 1, 'incorrect'],
  [good, -1, 'correct'],
];

/** `counts[i]` traces of each shape, each with a value of its own. */
function population(counts: readonly number[]): Trace[] {
  return counts.flatMap((count, shape) => {
    const [mc, judge, outcome] = SHAPES[shape] as Shape;
    return Array.from({ length: count }, (_, i) => traceWith([{ mc, judge }], { id: `t${shape}-${i}`, outcome }));
  });
}

const valueOf = (id: string): number => id.length + Number(id.at(-1));

describe('pickAudits', () => {
  const traces = population([400, 90, 12, 1]);

  it('picks as many as asked, some of every stratum, more of what is rare than its share', () => {
    const audits = pickAudits(traces, { n: 100, seed: 1 });
    expect(audits).toHaveLength(100);
    expect(new Set(audits.map(({ traceId }) => traceId)).size).toBe(100);
    const picked = (stratum: string): number => audits.filter((audit) => audit.stratum === stratum).length;
    expect(picked('judge-wrong-mc-right/answer-correct')).toBe(1);
    expect(picked('judge-right-mc-wrong/answer-incorrect')).toBeGreaterThan((100 * 12) / 503);
    expect(picked('both-right/answer-correct')).toBeGreaterThan(picked('both-wrong-same-step/answer-incorrect'));
    expect(audits.every(({ finding }) => finding === null)).toBe(true);
  });

  it('does not depend on the order of the traces, and does on the seed', () => {
    const audits = pickAudits(traces, { n: 60, seed: 5 });
    expect(pickAudits([...traces].reverse(), { n: 60, seed: 5 })).toEqual(audits);
    expect(pickAudits(traces, { n: 60, seed: 6 })).not.toEqual(audits);
  });

  it('picks everything with weight 1 when there is no more', () => {
    const few = population([3, 2]);
    const audits = pickAudits(few, { n: 200, seed: 0 });
    expect(audits.map(({ traceId }) => traceId).sort()).toEqual(few.map(({ id }) => id).sort());
    expect(audits.every(({ weight }) => weight === 1)).toBe(true);
  });

  it('estimates a total without bias over seeds', () => {
    const total = traces.reduce((sum, { id }) => sum + valueOf(id), 0);
    const estimates = Array.from({ length: 400 }, (_, seed) =>
      pickAudits(traces, { n: 40, seed }).reduce((sum, { traceId, weight }) => sum + weight * valueOf(traceId), 0),
    );
    const mean = estimates.reduce((sum, estimate) => sum + estimate, 0) / estimates.length;
    const deviation = Math.sqrt(
      estimates.reduce((sum, estimate) => sum + (estimate - mean) ** 2, 0) / (estimates.length - 1),
    );
    expect(Math.abs(mean - total)).toBeLessThan((4 * deviation) / Math.sqrt(estimates.length));
  });

  propertyTest.prop([fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(99)])(
    'weighs the picks of a stratum to its size',
    (counts, seed, more) => {
      const all = population(counts);
      const sizes = new Map<string, number>();
      for (const { stratum, weight } of pickAudits(all, { n: counts.length + more, seed })) {
        sizes.set(stratum, (sizes.get(stratum) ?? 0) + weight);
      }
      const sorted = [...sizes.values()].sort((a, b) => a - b);
      [...counts].sort((a, b) => a - b).forEach((count, i) => expect(sorted[i]).toBeCloseTo(count, 9));
    },
  );

  it.each([0, -1, 1.5, 3, Number.NaN])('refuses %s picks from four strata', (n) => {
    expect(() => pickAudits(traces, { n, seed: 0 })).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }));
  });

  it('refuses two traces of one id', () => {
    const [first] = traces;
    expect(() => pickAudits([first, first] as Trace[], { n: 2, seed: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_DATASET_INVALID' }),
    );
  });
});
