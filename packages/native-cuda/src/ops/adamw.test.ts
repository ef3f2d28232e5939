import { expect, test } from 'vitest';
import { describeBackends } from '../conformance/backends.ts';
import { Random } from '../conformance/random.ts';
import { adamw, type AdamWInput } from './adamw.ts';

/** Loshchilov & Hutter 2019, algorithm 2, in float64, one parameter at a time. */
function defineUpdates(
  start: Float32Array,
  gradients: readonly Float32Array[],
  options: Omit<AdamWInput, 'parameters' | 'gradient' | 'state'>,
): number[] {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, maxGradNorm = Infinity } = options;
  const scales = gradients.map((gradient) => {
    const norm = Math.hypot(...gradient);
    return Math.min(norm, maxGradNorm) / norm;
  });
  return Array.from(start, (initial, i) => {
    let parameter = initial;
    let first = 0;
    let second = 0;
    gradients.forEach((gradient, t) => {
      const g = (gradient[i] as number) * (scales[t] as number);
      first = beta1 * first + (1 - beta1) * g;
      second = beta2 * second + (1 - beta2) * g ** 2;
      const corrected = first / (1 - beta1 ** (t + 1));
      const deviation = Math.sqrt(second / (1 - beta2 ** (t + 1)));
      parameter -= learningRate * (corrected / (deviation + epsilon) + weightDecay * parameter);
    });
    return parameter;
  });
}

function freshState(size: number): AdamWInput['state'] {
  return { firstMoment: new Float32Array(size), secondMoment: new Float32Array(size), step: 0 };
}

describeBackends('adamw', (backend) => {
  test.each([
    { learningRate: 1e-3 },
    { learningRate: 0.01, weightDecay: 0.1 },
    { learningRate: 0.01, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.01, maxGradNorm: 0.7 },
    { learningRate: 0.01, maxGradNorm: 1e6 },
    { learningRate: 0, weightDecay: 1 },
  ])('ten steps agree with float64: %o', (options) => {
    for (const size of [1, 7, 8, 33, 1000]) {
      const random = new Random(size);
      const start = random.normals(size);
      const gradients = Array.from({ length: 10 }, () => random.normals(size));
      const parameters = start.slice();
      const state = freshState(size);
      for (const gradient of gradients) adamw({ parameters, gradient, state, ...options }, { backend });
      expect(state.step).toBe(10);
      const distances = defineUpdates(start, gradients, options).map(
        (defined, i) => Math.abs((parameters[i] as number) - defined) / Math.max(1, Math.abs(defined)),
      );
      expect(Math.max(...distances)).toBeLessThanOrEqual(1e-6);
    }
  });

  test('a gradient of zeros moves nothing but what decays', () => {
    const parameters = Float32Array.of(2, -4);
    adamw(
      { parameters, gradient: new Float32Array(2), state: freshState(2), learningRate: 0.5, weightDecay: 0.5 },
      { backend },
    );
    expect([...parameters]).toEqual([1.5, -3]);
  });

  test.each([NaN, Infinity])('clipping refuses a gradient with %d and changes nothing', (bad) => {
    const parameters = Float32Array.of(1, 2, 3);
    const state = freshState(3);
    const gradient = Float32Array.of(0, bad, 0);
    const attempt = () => adamw({ parameters, gradient, state, learningRate: 1, maxGradNorm: 1 }, { backend });
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_NOT_FINITE', where: 'adamw.gradient' }));
    expect([...parameters]).toEqual([1, 2, 3]);
    expect(state).toEqual(freshState(3));
  });

  test('no parameters is no error', () => {
    const state = freshState(0);
    adamw(
      { parameters: new Float32Array(0), gradient: new Float32Array(0), state, learningRate: 1, maxGradNorm: 1 },
      { backend },
    );
    expect(state.step).toBe(1);
  });
});
