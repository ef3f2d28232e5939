import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import { linearScale, log2Scale, spreadLabels, ticks } from './scale.ts';

it('maps ends to ends', () => {
  const linear = linearScale([0, 10], [100, 0]);
  expect([linear(0), linear(5), linear(10)]).toEqual([100, 50, 0]);
  const log = log2Scale([1, 16], [0, 400]);
  expect([log(1), log(4), log(16)]).toEqual([0, 200, 400]);
});

it('puts ticks on multiples of the step', () => {
  expect(ticks(0.55, 1, 0.1)).toEqual([0.6, 0.7, 0.8, 0.9, 1]);
  expect(ticks(-0.05, 0.1, 0.05)).toEqual([-0.05, 0, 0.05, 0.1]);
});

test.prop([fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 12 })])(
  'spreads labels apart, within bounds and in order',
  (positions) => {
    const placed = spreadLabels(positions, 20, [0, 300]);
    const byPlace = positions.map((position, i) => ({ position, label: placed[i]! })).sort((a, b) => a.label - b.label);
    byPlace.forEach(({ label, position }, i) => {
      expect(label).toBeGreaterThanOrEqual(-1e-9);
      expect(label).toBeLessThanOrEqual(300 + 1e-9);
      const next = byPlace[i + 1];
      if (next === undefined) return;
      expect(next.label - label).toBeGreaterThanOrEqual(20 - 1e-9);
      expect(next.position).toBeGreaterThanOrEqual(position);
    });
  },
);
