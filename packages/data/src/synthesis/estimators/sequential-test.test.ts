import { readFileSync } from 'node:fs';
import { fc, test } from '@fast-check/vitest';
import { createRandom } from '@vlprm/core/runtime';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sequentialTest, type SuccessPrior } from './sequential-test.ts';

const priorSchema = z.tuple([z.number(), z.number(), z.number(), z.number()]);
/** [prior], K, τ, k, n, and P(more than τK of K succeed | k of n did) by SciPy's beta-binomial, mixture included. */
const golden = z
  .array(z.tuple([priorSchema, z.number(), z.number(), z.number(), z.number(), z.number()]))
  .parse(JSON.parse(readFileSync(new URL('sequential-test.golden.json', import.meta.url), 'utf8')));

const PRIOR: SuccessPrior = { dead: 0.2, certain: 0.2, alpha: 1, beta: 1 };

describe('against SciPy', () => {
  it.each([0.001, 0.02, 0.1, 0.3, 0.45])('decides at risk %d where the predictive probability says so', (risk) => {
    for (const [[dead, certain, alpha, beta], rollouts, threshold, k, n, right] of golden) {
      const decide = sequentialTest({ rollouts, threshold, risk, prior: { dead, certain, alpha, beta } });
      const side = k > threshold * n ? 'right' : 'wrong';
      const sure = side === 'right' ? right >= 1 - risk : right <= risk;
      expect([k, n, decide(k, n)]).toEqual([k, n, sure ? side : 'open']);
    }
  });
});

const settings = fc.record({
  rollouts: fc.integer({ min: 1, max: 32 }),
  threshold: fc.constantFrom(0, 0.25, 0.5, 0.9),
  risk: fc.constantFrom(0.001, 0.05, 0.2),
});

test.prop([settings, fc.nat(), fc.nat()])('never against the rate that label rules read', (given, a, b) => {
  const n = 1 + (a % given.rollouts);
  const k = b % (n + 1);
  const decision = sequentialTest({ ...given, prior: PRIOR })(k, n);
  if (decision !== 'open') expect(decision).toBe(k > given.threshold * n ? 'right' : 'wrong');
  if (n === given.rollouts) expect(decision).not.toBe('open');
});

it('says nothing before the first rollout', () => {
  expect(sequentialTest({ rollouts: 16, threshold: 0, risk: 0.2, prior: PRIOR })(0, 0)).toBe('open');
});

it('one success settles what none at all would have been', () => {
  expect(sequentialTest({ rollouts: 16, threshold: 0, risk: 0.001, prior: PRIOR })(1, 5)).toBe('right');
});

it.each([0, 0.5])(
  'labels otherwise than K rollouts at most as often as the risk, under its prior, at τ = %d',
  (threshold) => {
    const rollouts = 16;
    const risk = 0.1;
    const decide = sequentialTest({ rollouts, threshold, risk, prior: PRIOR });
    const random = createRandom(5);
    const trials = 20_000;
    let wrong = 0;
    let spent = 0;
    for (let trial = 0; trial < trials; trial++) {
      const u = random.uniform();
      const rate = u < PRIOR.dead ? 0 : u < PRIOR.dead + PRIOR.certain ? 1 : random.uniform();
      const draws = Array.from({ length: rollouts }, () => random.uniform() < rate);
      let k = 0;
      let n = 0;
      while (decide(k, n) === 'open') k += draws[n++] === true ? 1 : 0;
      const whole = draws.filter(Boolean).length > threshold * rollouts ? 'right' : 'wrong';
      wrong += decide(k, n) === whole ? 0 : 1;
      spent += n;
    }
    expect(wrong / trials).toBeLessThan(risk);
    expect(spent / trials).toBeLessThan(0.6 * rollouts);
  },
);
