import { fc, test as propertyTest } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { plainErrorRates } from '../testing/error-rates.ts';
import { ERROR_RATES_SCHEMA, type ErrorRates, type Phase } from './error-rates.ts';
import { firstErrorProbabilities } from './posterior.ts';
import type { StepEvidence } from './step-evidence.ts';

const none: StepEvidence = { kind: 'perception', rollouts: null, votes: [], siblings: null };

const distribution = (size: number) =>
  fc.array(fc.integer({ min: 1, max: 50 }), { minLength: size, maxLength: size }).map((weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  });
const rate = fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100);
const phased = <T>(value: fc.Arbitrary<T>) => fc.record({ right: value, error: value, after: value });
const kindRates = (levels: number) =>
  fc.record({
    hazard: rate,
    flags: fc.record({ a: phased(rate), b: phased(rate) }),
    transitions: phased(fc.array(distribution(levels), { minLength: levels, maxLength: levels })),
    siblings: fc.option(phased(distribution(levels)), { nil: null }),
  });
const LEVELS = [0.1, 0.6, 0.95];
const anyRates: fc.Arbitrary<ErrorRates> = fc.record({
  schema: fc.constant(ERROR_RATES_SCHEMA),
  audits: fc.constant(30),
  auditors: fc.constant(['someone']),
  temperature: fc.constantFrom(1, 1.7),
  levels: fc.constant(LEVELS),
  initial: distribution(3),
  kinds: fc.record({ perception: kindRates(3), reasoning: kindRates(3), any: kindRates(3) }),
});
const share = fc.option(
  fc.tuple(fc.nat(6), fc.nat(6)).map(([hits, misses]) => ({ hits, draws: hits + misses })),
  { nil: null },
);
const anyStep: fc.Arbitrary<StepEvidence> = fc.record({
  kind: fc.constantFrom('perception', 'reasoning', 'any'),
  rollouts: share,
  votes: fc.array(
    fc.record({ judge: fc.constantFrom('a', 'b', 'unknown'), flagged: fc.boolean(), weight: fc.constantFrom(1, 0.5) }),
    { maxLength: 3 },
  ),
  siblings: share,
});
const anySteps = fc.array(anyStep, { minLength: 1, maxLength: 4 });

/** The same posterior by adding up every path of levels, factor by factor, without messages or logarithms. */
function byEnumeration(steps: readonly StepEvidence[], rates: ErrorRates): number[] {
  const binomial = (hits: number, draws: number, level: number): number =>
    level ** hits * (1 - level) ** (draws - hits);
  const paths = (index: number, from: number, phase: (index: number) => Phase): number => {
    const step = steps[index];
    if (step === undefined) return 1;
    const kind = rates.kinds[step.kind];
    const at = phase(index);
    let factor = at === 'right' ? 1 - kind.hazard : at === 'error' ? kind.hazard : 1;
    for (const { judge, flagged, weight } of step.votes) {
      const flag = kind.flags[judge]?.[at];
      if (flag !== undefined) factor *= (flagged ? flag : 1 - flag) ** weight;
    }
    if (step.siblings !== null && kind.siblings !== null) {
      const { hits, draws } = step.siblings;
      let mixture = 0;
      for (const [i, level] of rates.levels.entries())
        mixture += (kind.siblings[at][i] ?? 0) * binomial(hits, draws, level);
      factor *= mixture;
    }
    let sum = 0;
    for (const [to, level] of rates.levels.entries()) {
      const seen = step.rollouts === null ? 1 : binomial(step.rollouts.hits, step.rollouts.draws, level);
      sum += (kind.transitions[at][from]?.[to] ?? 0) * seen * paths(index + 1, to, phase);
    }
    return factor * sum;
  };
  const joint = [...steps, null].map((_, error) => {
    const phase = (index: number): Phase => (index < error ? 'right' : index === error ? 'error' : 'after');
    const likelihood = rates.initial.reduce((sum, start, level) => sum + start * paths(0, level, phase), 0);
    return likelihood ** (1 / rates.temperature);
  });
  const total = joint.reduce((sum, value) => sum + value, 0);
  return joint.map((value) => value / total);
}

const plain = plainErrorRates({ siblings: true });

describe('firstErrorProbabilities', () => {
  propertyTest.prop([anySteps, anyRates])('is the sum over every path of levels', (steps, rates) => {
    const expected = byEnumeration(steps, rates);
    firstErrorProbabilities(steps, rates).forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 9));
  });

  it('is the prior where nothing is known', () => {
    const found = firstErrorProbabilities([none, none], plain);
    expect(found[0]).toBeCloseTo(0.2, 12);
    expect(found[1]).toBeCloseTo(0.8 * 0.2, 12);
    expect(found[2]).toBeCloseTo(0.64, 12);
  });

  const judged = (flagged: boolean): StepEvidence => ({ ...none, votes: [{ judge: 'judge-a', flagged, weight: 1 }] });
  const rolled = (hits: number): StepEvidence => ({ ...none, rollouts: { hits, draws: 16 } });

  it('follows a flag, a drop of the success rate, and siblings that go elsewhere', () => {
    const flagged = firstErrorProbabilities([judged(false), judged(true), none], plain);
    expect(flagged.indexOf(Math.max(...flagged))).toBe(1);
    const dropped = firstErrorProbabilities([rolled(15), rolled(1), rolled(0)], plain);
    expect(dropped.indexOf(Math.max(...dropped))).toBe(1);
    const [lonely = 0] = firstErrorProbabilities([{ ...none, siblings: { hits: 0, draws: 7 } }], plain);
    const [common = 0] = firstErrorProbabilities([{ ...none, siblings: { hits: 7, draws: 7 } }], plain);
    expect(lonely).toBeGreaterThan(0.5);
    expect(common).toBeLessThan(0.1);
  });

  it('gives several votes of one judge the weight of one reading', () => {
    const vote = { judge: 'judge-a', flagged: true, weight: 0.5 };
    const twice = firstErrorProbabilities([{ ...none, votes: [vote, vote] }], plain);
    expect(twice[0]).toBeCloseTo(firstErrorProbabilities([judged(true)], plain)[0] as number, 12);
  });

  it('stays finite over many steps and rollouts', () => {
    const steps = Array.from({ length: 300 }, (_, i) => ({
      ...rolled(0),
      rollouts: { hits: i % 2 === 0 ? 4096 : 0, draws: 4096 },
    }));
    const found = firstErrorProbabilities(steps, plain);
    expect(found.every(Number.isFinite)).toBe(true);
    expect(found.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
  });
});
