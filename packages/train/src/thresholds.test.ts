import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitTemperature, negativeLogLikelihood } from './calibration.ts';
import { expectedF1Threshold, falseAlarmThreshold } from './thresholds.ts';

/** The definition, threshold by threshold. */
function expectedF1At(threshold: number, probabilities: readonly number[]): number {
  const called = probabilities.filter((p) => p < threshold);
  const wrongness = (some: readonly number[]): number => some.reduce((sum, p) => sum + (1 - p), 0);
  return (2 * wrongness(called)) / (called.length + wrongness(probabilities));
}

describe('expectedF1Threshold', () => {
  const scores = fc.array(
    fc.integer({ min: 0, max: 20 }).map((p) => p / 20),
    { minLength: 1, maxLength: 40 },
  );

  it('is as good as any threshold, ties included', () => {
    fc.assert(
      fc.property(scores, (probabilities) => {
        const best = expectedF1Threshold(probabilities);
        if (probabilities.every((p) => p === 1)) {
          expect(best).toBeNull();
          return;
        }
        const reachable = Math.max(...Array.from({ length: 41 }, (_, i) => expectedF1At(i / 40, probabilities)));
        expect(best!.expectedF1).toBeCloseTo(reachable, 12);
        expect(expectedF1At(best!.value, probabilities)).toBeCloseTo(reachable, 12);
        expect(best!.value > 0 && best!.value <= 1).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('calls a step wrong when the chance of that is above half the F1', () => {
    fc.assert(
      fc.property(scores, (probabilities) => {
        const best = expectedF1Threshold(probabilities);
        fc.pre(best !== null);
        for (const p of probabilities) {
          if (1 - p > best.expectedF1 / 2 + 1e-12) expect(p).toBeLessThan(best.value);
          if (1 - p < best.expectedF1 / 2 - 1e-12) expect(p).toBeGreaterThanOrEqual(best.value);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lies half-way where the probabilities are certain', () => {
    expect(expectedF1Threshold([0, 0, 1, 1])).toEqual({ value: 0.5, expectedF1: 1 });
  });
});

describe('falseAlarmThreshold', () => {
  const anyTraces = fc.array(
    fc.array(
      fc.integer({ min: 1, max: 9 }).map((p) => p / 9),
      { minLength: 1, maxLength: 4 },
    ),
    { minLength: 1, maxLength: 60 },
  );

  it('flags at most the rate of what is clean by its scores, and one step higher would flag more', () => {
    fc.assert(
      fc.property(anyTraces, fc.double({ min: 0, max: 0.99, noNaN: true }), (traces, rate) => {
        const chances = traces.map((scores) => scores.reduce((product, p) => product * p, 1));
        const total = chances.reduce((sum, chance) => sum + chance, 0);
        const flagged = (t: number): number =>
          chances.filter((_, i) => Math.min(...traces[i]!) < t).reduce((sum, chance) => sum + chance, 0) / total;
        const threshold = falseAlarmThreshold(traces, rate)!;
        expect(flagged(threshold)).toBeLessThanOrEqual(rate + 1e-9);
        expect(flagged(threshold + 1e-9)).toBeGreaterThan(rate - 1e-9);
      }),
    );
  });

  it('is not pressed down by traces whose error the labels overlooked', () => {
    const clean = Array.from({ length: 95 }, () => [0.98, 0.99]);
    const overlooked = Array.from({ length: 5 }, () => [0.98, 0.3]);
    expect(falseAlarmThreshold([...clean, ...overlooked], 0.03)).toBe(0.98);
    expect(falseAlarmThreshold([...clean, ...overlooked], 0.01)).toBe(0.3);
  });

  it('is null without traces', () => {
    expect(falseAlarmThreshold([], 0.03)).toBeNull();
  });
});

describe('fitTemperature', () => {
  it('finds the temperature that the labels were drawn with', () => {
    const logits = Array.from({ length: 4000 }, (_, i) => ((i % 81) - 40) / 10);
    // Soft targets stand for infinitely many draws at each logit.
    const targets = logits.map((z) => 1 / (1 + Math.exp(-z / 2.5)));
    expect(fitTemperature({ logits, targets })).toBeCloseTo(2.5, 6);
  });

  it('is no worse than any other temperature', () => {
    const logit = fc.double({ min: -8, max: 8, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(logit, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 30 }), (rows) => {
        const data = { logits: rows.map(([z]) => z), targets: rows.map(([, y]) => y) };
        const fitted = negativeLogLikelihood(data, 1 / fitTemperature(data));
        for (const other of [0.05, 0.3, 0.9, 1, 1.1, 3, 20]) {
          expect(fitted).toBeLessThanOrEqual(negativeLogLikelihood(data, 1 / other) + 1e-9);
        }
      }),
    );
  });

  it('stays within 1/20 and 20, and is 1 without rows', () => {
    expect(fitTemperature({ logits: [1, -1], targets: [1, 0] })).toBeCloseTo(1 / 20, 6);
    expect(fitTemperature({ logits: [1, -1], targets: [0, 1] })).toBeCloseTo(20, 4);
    expect(fitTemperature({ logits: [], targets: [] })).toBe(1);
  });
});
