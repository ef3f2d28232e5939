import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitTemperature, negativeLogLikelihood } from './calibration.ts';
import { bestF1Threshold, falseAlarmThreshold, oneStandardErrorThreshold } from './thresholds.ts';

const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.constantFrom(0, 1)), {
  minLength: 1,
  maxLength: 40,
});

function f1At(threshold: number, probabilities: number[], targets: number[]): number {
  const called = probabilities.map((p) => p < threshold);
  const hits = called.filter((c, i) => c && targets[i] === 0).length;
  const total = called.filter(Boolean).length + targets.filter((t) => t === 0).length;
  return total === 0 ? 0 : (2 * hits) / total;
}

describe('bestF1Threshold', () => {
  it('is as good as any threshold, ties included', () => {
    fc.assert(
      fc.property(steps, (rows) => {
        const probabilities = rows.map(([p]) => p / 20);
        const targets = rows.map(([, target]) => target);
        const best = bestF1Threshold({ probabilities, targets });
        if (!targets.includes(0)) {
          expect(best).toBeNull();
          return;
        }
        const candidates = [...probabilities, ...probabilities.map((p) => p + 1e-9), 1];
        // A step of p = 1 is never called wrong: p < threshold and the threshold is at most 1.
        const reachable = Math.max(...candidates.filter((t) => t <= 1).map((t) => f1At(t, probabilities, targets)));
        expect(best!.value).toBeLessThanOrEqual(1);
        expect(f1At(best!.value, probabilities, targets)).toBeCloseTo(reachable, 12);
        expect(best!.f1).toBeCloseTo(reachable, 12);
      }),
    );
  });

  it('calls nothing wrong where only steps of probability 1 are', () => {
    expect(bestF1Threshold({ probabilities: [1, 1], targets: [0, 1] })).toEqual({ value: 0, f1: 0 });
  });

  it('lies half-way between the last wrong and the first right step', () => {
    const best = bestF1Threshold({ probabilities: [0.9, 0.2, 0.6, 0.1], targets: [1, 0, 1, 0] });
    expect(best!.value).toBeCloseTo(0.4, 12);
    expect(best!.f1).toBe(1);
  });
});

describe('oneStandardErrorThreshold', () => {
  const grouped = (count: number, draw: (i: number) => [number, number]) => {
    const rows = Array.from({ length: count }, (_, i) => draw(i));
    return {
      probabilities: rows.map(([p]) => p),
      targets: rows.map(([, target]) => target),
      groups: rows.map((_, i) => `g${i % 25}`),
    };
  };

  it('is never below the best threshold nor much worse, and flags at least as much', () => {
    fc.assert(
      fc.property(steps, (raw) => {
        const labelled = grouped(raw.length, (i) => [raw[i]![0] / 20, raw[i]![1]]);
        const best = bestF1Threshold(labelled);
        const chosen = oneStandardErrorThreshold(labelled, 1);
        if (best === null) {
          expect(chosen).toBeNull();
          return;
        }
        expect(chosen!.value).toBeGreaterThanOrEqual(best.value);
        expect(chosen!.f1).toBeLessThanOrEqual(best.f1 + 1e-12);
        expect(chosen!.f1).toBeCloseTo(f1At(chosen!.value, labelled.probabilities, labelled.targets), 12);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves the best threshold alone where one step more costs more than the error', () => {
    const labelled = grouped(400, (i) => (i % 2 === 0 ? [0.1, 0] : [0.9, 1]));
    expect(oneStandardErrorThreshold(labelled, 1)).toEqual(bestF1Threshold(labelled));
  });

  it('flags errors that the labels miss as often as they find them', () => {
    // Wrong steps lie at 0.1 (always found) and at 0.5 (found 9 times in 20): the best F1 stops short of the latter.
    const labelled = grouped(2000, (i) =>
      i % 5 === 0 ? [0.1, 0] : i % 50 === 1 ? [0.5, i % 20 < 9 ? 0 : 1] : [0.95, 1],
    );
    expect(oneStandardErrorThreshold(labelled, 3)!.value).toBeGreaterThan(0.5);
    expect(oneStandardErrorThreshold(labelled, 3)!.value).toBeLessThan(0.95);
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
