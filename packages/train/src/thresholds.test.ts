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
  it('flags at most the rate, and one step higher would flag more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (raw, rate) => {
          const lowest = raw.map((p) => p / 9);
          const threshold = falseAlarmThreshold(lowest, rate)!;
          const flagged = (t: number) => lowest.filter((p) => p < t).length / lowest.length;
          expect(flagged(threshold)).toBeLessThanOrEqual(rate);
          expect(flagged(threshold + 1e-9)).toBeGreaterThan(rate);
        },
      ),
    );
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
