import { describe, expect, it } from 'vitest';
import { stepFeatures, stepFeatureWidth } from './step-features.ts';

/** Seven tokens, hidden size 2; the question is token 0 and 1, the steps end at 4 and 7. */
const hidden = Float32Array.from({ length: 14 }, (_, i) => i);
const gap = Float32Array.of(-9, -8, 0, -3, -0.5, -7, 0);
const logp = Float32Array.of(-9, -8, -0.1, -3.5, -0.6, -7.5, -0.2);
const plan = { ids: Int32Array.of(1, 2, 3, 4, 5, 6, 7), ends: Int32Array.of(4, 7), solutionStart: 2 };
const g = gap.map((value) => Math.log1p(-value));

function rows(): number[][] {
  const width = stepFeatureWidth(2);
  const out = new Float32Array(2 * width);
  stepFeatures({ hidden, hiddenSize: 2, gap, logp }, plan, out);
  return [0, 1].map((step) => [...out.subarray(step * width, (step + 1) * width)]);
}

describe('stepFeatures', () => {
  it('has 12 surprise features after the hidden state', () => {
    expect(stepFeatureWidth(96)).toBe(108);
  });

  it('gives the features of each step, by hand', () => {
    const first = [
      6,
      7,
      g[3]!,
      g[3]!,
      g[3]!,
      Math.log1p(3.5),
      Math.log1p(1.8),
      g[3]!,
      Math.log1p(3),
      Math.log1p(1),
      g[2]!,
      0,
      0,
      0,
    ];
    const second = [
      12,
      13,
      g[5]!,
      g[5]! + g[4]!,
      g[5]! + g[4]!,
      Math.log1p(7.5),
      Math.log1p((0.6 + 7.5 + 0.2) / 3),
      g[5]!,
      Math.log1p(10.5),
      Math.log1p(2),
      g[5]!,
      g[4]!,
      0,
      0,
    ];
    [first, second].forEach((row, step) =>
      row.forEach((value, i) => expect(rows()[step]![i], `${step},${i}`).toBeCloseTo(value, 5)),
    );
  });

  it('does not see the question, nor what comes after the step', () => {
    const changed = { hidden: hidden.slice(), hiddenSize: 2, gap: gap.slice(), logp: logp.slice() };
    changed.gap.set([0, 0]);
    changed.logp.set([0, 0]);
    changed.gap.set([-50, -50, -50], 4);
    const out = new Float32Array(28);
    stepFeatures(changed, plan, out);
    expect([...out.subarray(0, 14)]).toEqual(rows()[0]);
  });

  it('writes from the offset on', () => {
    const out = new Float32Array(30).fill(-1);
    stepFeatures({ hidden, hiddenSize: 2, gap, logp }, plan, out, 1);
    expect([out[0], out[29]]).toEqual([-1, -1]);
    expect([...out.subarray(1, 15)]).toEqual(rows()[0]);
  });
});
