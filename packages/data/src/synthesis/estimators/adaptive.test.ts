import { createScriptedPolicy } from '@vlprm/core/testing';
import { describe, expect, it } from 'vitest';
import { estimate, slipPolicy, solvedProblem, steps } from '../../testing/sampled-solutions.ts';
import { isTrace } from '../sampling.ts';
import { createChainWorld } from '../simulated-chains.ts';
import { adaptiveEstimator } from './adaptive.ts';
import { exhaustiveEstimator } from './exhaustive.ts';

const adaptive = adaptiveEstimator({ rollouts: 16, threshold: 0 });

describe('with nothing but success to see at τ = 0', () => {
  it('one success settles a step, all failures the first error, and nothing is asked after it', async () => {
    const policy = slipPolicy(5);
    const solution = { steps: steps('a', 'b', 'slip', 'c', 'd'), answer: '8' };
    const { values } = await estimate(solvedProblem([solution]), adaptive, policy);
    expect(values[0]?.map((value) => value && [value.correct, value.budget])).toEqual([
      [2, 2],
      [2, 2],
      [0, 16],
      null,
      null,
    ]);
  });

  it('lets rollouts count for the prefixes that they come through', async () => {
    const next = ['a', 'b', 'c'];
    const straight = createScriptedPolicy({
      script: ({ steps: done }) => ({ steps: steps(...next.slice(done.length)), finalAnswer: '7' }),
    });
    const { rollouts, values } = await estimate(
      solvedProblem([{ steps: steps(...next), answer: '7' }]),
      adaptive,
      straight,
    );
    expect(rollouts).toBe(2);
    expect(values[0]?.map((value) => value?.correct)).toEqual([2, 2, 2]);
  });

  it('leaves the outcome of a solution out of the evidence of its own steps', async () => {
    const never = createScriptedPolicy({ script: () => ({ steps: steps('x'), finalAnswer: '8' }) });
    const { values } = await estimate(solvedProblem([{ steps: steps('a'), answer: '7' }]), adaptive, never);
    expect(values).toEqual([[{ correct: 0, incorrect: 16, unparsable: 0, failed: 0, budget: 16 }]]);
  });
});

it('asks no prefix for more than an exhaustive run, failed calls included', async () => {
  const shaky = createScriptedPolicy({
    script: (_prefix, _sample, random) =>
      random.uniform() < 0.5
        ? new Error('gone')
        : { steps: steps('x'), finalAnswer: random.uniform() < 0.5 ? '7' : '8' },
  });
  const problem = solvedProblem([{ steps: steps('a', 'b', 'c'), answer: '7' }]);
  const { values } = await estimate(problem, adaptiveEstimator({ rollouts: 16, threshold: 0.5 }), shaky);
  for (const value of values.flat()) expect(value?.budget ?? 0).toBeLessThanOrEqual(16);
});

it.each([0, 0.5])('labels chains as exhaustive runs do, for a third of the rollouts, at τ = %d', async (threshold) => {
  const world = createChainWorld({ seed: 1070, steps: 8 });
  const first = (values: readonly ({ correct: number; budget: number } | null)[]): number | null => {
    const index = values.findIndex((value) => value !== null && value.correct <= threshold * value.budget);
    return index < 0 ? null : index;
  };
  let [steady, same, spent, whole] = [0, 0, 0, 0];
  for (const loaded of world.problems(150)) {
    const { answer: _, ...problem } = loaded.problem;
    const { proposals } = await world.policy.propose([{ problem, images: [], steps: [] }], {
      n: 2,
      stop: 'end',
      seed: 1,
    });
    const samples = proposals
      .flat()
      .flatMap((one) => (one.ok ? [{ ok: true as const, ...one.value, steps: [...one.value.steps] }] : []));
    expect(samples.every(isTrace)).toBe(true);
    const run = (seed: number, estimator = exhaustiveEstimator({ rollouts: 16 })) =>
      estimate({ loaded, samples }, estimator, world.policy, { seed });
    const [a, b, c] = await Promise.all([run(1), run(2), run(3, adaptiveEstimator({ rollouts: 16, threshold }))]);
    a.values.forEach((own, i) => {
      steady += first(own) === first(b.values[i] ?? []) ? 1 : 0;
      same += first(own) === first(c.values[i] ?? []) ? 1 : 0;
    });
    spent += c.rollouts;
    whole += a.rollouts;
  }
  expect(same / 300).toBeGreaterThan(steady / 300 - 0.05);
  expect(spent).toBeLessThan(whole / 3);
});
