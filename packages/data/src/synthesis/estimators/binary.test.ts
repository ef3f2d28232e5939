import { fc, test } from '@fast-check/vitest';
import { createScriptedPolicy } from '@vlprm/core/testing';
import { describe, expect, it } from 'vitest';
import { estimate, slipPolicy, solvedProblem, steps } from '../../testing/sampled-solutions.ts';
import { binaryEstimator } from './binary.ts';

const K = 8;
const binary = binaryEstimator({ rollouts: K, threshold: 0 });

/** T steps of which `slip` is the first that nothing can be made of. */
const solution = (length: number, slip: number, tag = '') => ({
  steps: steps(...Array.from({ length }, (_, i) => `${i < slip ? 'step' : 'slip'} ${i}${tag}`)),
  answer: '8',
});

const firstWrong = (values: readonly ({ correct: number } | null)[] | undefined): number =>
  values?.findIndex((value) => value?.correct === 0) ?? -1;

describe('a wrong solution', () => {
  const places = fc.integer({ min: 1, max: 40 }).chain((length) => fc.tuple(fc.constant(length), fc.nat(length - 1)));
  test.prop([places])('its first error is found in ⌈log₂ T⌉ probes', async ([length, slip]) => {
    const policy = slipPolicy(length);
    const { values, rollouts } = await estimate(solvedProblem([solution(length, slip)]), binary, policy);
    expect(firstWrong(values[0])).toBe(slip);
    expect(rollouts).toBeLessThanOrEqual(K * Math.ceil(Math.log2(length)));
    expect(policy.calls.every(({ prefixes, options }) => prefixes.length === 1 && options.n === K)).toBe(true);
  });

  it('leaves steps between the probes without evidence', async () => {
    const { values } = await estimate(solvedProblem([solution(8, 5)]), binary, slipPolicy(8));
    // Probed: the first 4 of 8 steps (sound), 6 (lost) and 5 (sound).
    expect(values[0]?.map((value) => value && [value.correct, value.budget])).toEqual([
      null,
      null,
      null,
      [8, 8],
      [8, 8],
      [0, 8],
      null,
      null,
    ]);
  });

  it('a search that failed calls end names no first error', async () => {
    const failing = createScriptedPolicy({
      script: ({ steps: done }) => (done.length === 4 ? new Error('gone') : { steps: steps('x'), finalAnswer: '7' }),
    });
    const { values, rollouts, failed } = await estimate(solvedProblem([solution(8, 7)]), binary, failing);
    expect([rollouts, failed]).toEqual([K, K]);
    expect(values).toEqual([Array(8).fill(null)]);
  });

  it('probes back from where success is rare, as far as chance alone could have ended an exhaustive run', async () => {
    // One of eight succeeds after five steps and all after one: (7/8)⁸ = 0.34 to see none, so steps 4, 3, 2 are probed as well.
    const rare = createScriptedPolicy({
      script: ({ steps: done }, sample) => ({
        steps: steps('x'),
        finalAnswer: done.length < 2 || (done.length < 6 && sample === 0) ? '7' : '8',
      }),
    });
    const probed = async (doubt?: number) => {
      const estimator = binaryEstimator({ rollouts: K, threshold: 0, ...(doubt !== undefined && { doubt }) });
      const { values } = await estimate(solvedProblem([solution(8, 5)]), estimator, rare);
      return values[0]?.map((value) => value && [value.correct, value.budget]);
    };
    const [one, all, none] = [
      [1, 8],
      [8, 8],
      [0, 8],
    ];
    expect(await probed(1)).toEqual([null, null, null, one, one, none, null, null]);
    expect(await probed()).toEqual([all, one, one, one, one, none, null, null]);
  });

  it('shares probes and what is known with other solutions', async () => {
    const [long, short] = [solution(8, 5), solution(8, 5)];
    const alone = await estimate(solvedProblem([long]), binary, slipPolicy(8));
    const both = await estimate(solvedProblem([long, short]), binary, slipPolicy(8));
    expect(both.rollouts).toBe(alone.rollouts);
  });
});

it('a right solution is not searched, and shows that its prefixes can be completed', async () => {
  const policy = slipPolicy(4);
  const right = { steps: steps('step 0', 'step 1', 'x', 'y'), answer: '7' };
  const { values } = await estimate(solvedProblem([right, solution(4, 2)]), binary, policy);
  // Two of four steps are shared with the right solution, so the first probe is known; the second is the third step.
  expect(policy.calls.map(({ prefixes }) => prefixes[0]?.steps.length)).toEqual([3]);
  expect(values[0]?.map((value) => value?.correct)).toEqual([1, 1, 1, 1]);
  expect(firstWrong(values[1])).toBe(2);
});

describe('at a threshold', () => {
  it('a prefix is sound only above it', async () => {
    const half = createScriptedPolicy({
      script: ({ steps: done }, sample) => ({
        steps: steps('x'),
        finalAnswer: sample % 2 === 0 && !done.some(({ text }) => text.startsWith('slip')) ? '7' : '8',
      }),
    });
    const at = async (threshold: number) =>
      firstWrong(
        (
          await estimate(solvedProblem([solution(4, 2)]), binaryEstimator({ rollouts: K, threshold }), half)
        ).values[0]?.map((value) => value && { correct: value.correct > threshold * value.budget ? 1 : 0 }),
      );
    expect([await at(0), await at(0.25), await at(0.5)]).toEqual([2, 2, 0]);
  });
});

describe('bugs of the open implementation (openr)', () => {
  const collecting = (searches: number) => binaryEstimator({ rollouts: K, threshold: 0, searches });
  /** Half of what follows a sound prefix slips, in words of its own. */
  const slippery = () =>
    createScriptedPolicy({
      script: ({ steps: done }, _sample, random) => {
        const lost = done.some(({ text }) => text.startsWith('slip')) || random.uniform() < 0.5;
        const rest = Array.from({ length: 6 - done.length }, () => `${lost ? 'slip' : 'step'} ${random.uint32()}`);
        return { steps: steps(...rest), finalAnswer: lost ? '8' : '7' };
      },
    });

  it('a rollout that was searched is not searched again, whatever else is met', async () => {
    const policy = slippery();
    const { rollouts } = await estimate(solvedProblem([solution(6, 4)]), collecting(200), policy);
    const probes = policy.calls.map(({ prefixes }) => prefixes[0]?.steps.map(({ text }) => text).join('\n'));
    expect(probes.length).toBeGreaterThan(4);
    expect(new Set(probes).size).toBe(probes.length);
    expect(rollouts).toBeLessThanOrEqual(K * probes.length);
  });

  it('searches of rollouts from the pool go on from their state, one each', async () => {
    const probed = async (searches: number) => {
      const policy = slippery();
      await estimate(solvedProblem([solution(6, 4)]), collecting(searches), policy);
      return policy.calls.map(({ prefixes }) => prefixes[0]?.steps.map(({ text }) => text) ?? []);
    };
    const one = await probed(1);
    const five = await probed(5);
    expect(five.slice(0, one.length)).toEqual(one);
    expect(five.length).toBeGreaterThan(one.length);
    const states = one.map((prefix) => prefix.join('\n'));
    for (const prefix of five.slice(one.length)) {
      expect(states.some((state) => prefix.join('\n').startsWith(`${state}\n`))).toBe(true);
    }
  });

  it('an answer is compared, not looked for in the last sentence', async () => {
    const loose = createScriptedPolicy({
      script: () => ({ steps: steps('so 7 is not the answer'), finalAnswer: '17' }),
    });
    const { values } = await estimate(solvedProblem([solution(4, 2)]), binary, loose);
    expect(values.flat().every((value) => (value?.correct ?? 0) === 0)).toBe(true);
  });
});
