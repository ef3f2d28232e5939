import { fc, test } from '@fast-check/vitest';
import type { Step } from '@vlprm/core/records';
import { seedFrom } from '@vlprm/core/runtime';
import { createScriptedPolicy, type ScriptedPolicy } from '@vlprm/core/testing';
import { createAnswerChecker } from '@vlprm/core/text';
import { describe, expect, it } from 'vitest';
import { estimate, slipPolicy, solvedProblem, steps } from '../testing/sampled-solutions.ts';
import { estimateProblem } from './estimation.ts';
import { createEstimator, ESTIMATOR_NAMES } from './estimators/index.ts';
import type { Estimator, RolloutRequest } from './estimators/estimator.ts';
import { sumCounts } from './estimators/step-tree.ts';

const two = solvedProblem([
  { steps: steps('a', 'b', 'c'), answer: '7' },
  { steps: steps('a', 'slip', 'd'), answer: '8' },
]);
const whole = { rollouts: 4, threshold: 0 };

/** Prefix texts, n and seed of every call. */
const asked = ({ calls }: ScriptedPolicy) =>
  calls.map(({ prefixes, options: { n, seed } }) => ({
    prefixes: prefixes.map((prefix) => prefix.steps.map(({ text }) => text).join(' ')),
    n,
    seed,
  }));

/** Asks by a plan of `[prefix, n]` rounds. */
const planned = (...rounds: (readonly (readonly [readonly Step[], number])[])[]): Estimator => ({
  name: 'exhaustive',
  settings: {},
  *estimate({ tree }) {
    for (const round of rounds) {
      yield round.map(([prefix, n]): RolloutRequest => {
        const node = tree.at(prefix);
        if (node === undefined) throw new Error('no such prefix');
        return { node, n };
      });
    }
  },
  evidence: ({ asked: own }) => sumCounts(own),
});

describe('exhaustive', () => {
  it('continues every distinct prefix in one call, with the seed of a first request', async () => {
    const policy = slipPolicy(3);
    const { rollouts, values } = await estimate(two, createEstimator('exhaustive', whole), policy);
    expect(asked(policy)).toEqual([
      { prefixes: ['a', 'a b', 'a b c', 'a slip', 'a slip d'], n: 4, seed: seedFrom(3, 'rollout') },
    ]);
    expect(rollouts).toBe(20);
    expect(values.map((list) => list.map((value) => value?.correct))).toEqual([
      [4, 4, 4],
      [4, 0, 0],
    ]);
  });
});

describe('rounds', () => {
  it('a prefix is never drawn twice with the same seed, and equal ones of a round are one request', async () => {
    const policy = slipPolicy(3);
    const a = steps('a');
    const ab = steps('a', 'b');
    const plan = planned(
      [
        [a, 2],
        [a, 1],
      ],
      [
        [a, 3],
        [ab, 3],
      ],
      [[ab, 3]],
    );
    const { rollouts } = await estimate(two, plan, policy);
    expect(asked(policy)).toEqual([
      { prefixes: ['a'], n: 3, seed: seedFrom(3, 'rollout') },
      { prefixes: ['a'], n: 3, seed: seedFrom(3, 'rollout', 1) },
      { prefixes: ['a b'], n: 3, seed: seedFrom(3, 'rollout') },
      { prefixes: ['a b'], n: 3, seed: seedFrom(3, 'rollout', 1) },
    ]);
    expect(rollouts).toBe(12);
  });

  it('prefixes asked for the same time and number share a call', async () => {
    const policy = slipPolicy(3);
    await estimate(
      two,
      planned([
        [steps('a'), 2],
        [steps('a', 'slip'), 2],
      ]),
      policy,
    );
    expect(policy.calls).toHaveLength(1);
  });

  it('a call that throws ends the others and the estimate', async () => {
    const aborted: boolean[] = [];
    const policy = slipPolicy(3);
    const plan = planned([
      [steps('a'), 1],
      [steps('a', 'b'), 2],
    ]);
    const propose: typeof policy.propose = (_, { n }, signal) =>
      n === 1
        ? Promise.reject(new Error('gone'))
        : new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => {
              aborted.push(true);
              reject(new Error('ended'));
            });
          });
    await expect(estimate(two, plan, { ...policy, propose })).rejects.toThrow('gone');
    expect(aborted).toEqual([true]);
  });

  it('stops when it is aborted, whatever the policy answers', async () => {
    const controller = new AbortController();
    const policy = slipPolicy(3);
    const propose: typeof policy.propose = async (...call) => {
      controller.abort();
      return policy.propose(call[0], call[1]);
    };
    const settings = {
      estimator: createEstimator('adaptive', whole),
      policy: { ...policy, propose },
      temperature: null,
    };
    const rest = { checker: createAnswerChecker(), seed: 3, rolloutsPerProblem: null };
    await expect(estimateProblem(two, { ...settings, ...rest }, controller.signal)).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
    expect(policy.calls).toHaveLength(1);
  });
});

describe.each(ESTIMATOR_NAMES)('%s', (name) => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'slip'), { minLength: 1, maxLength: 6 });
  const problems = fc
    .array(texts, { minLength: 1, maxLength: 4 })
    .map((all) =>
      solvedProblem(all.map((own) => ({ steps: steps(...own), answer: own.includes('slip') ? '8' : '7' }))),
    );

  test.prop([problems, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9 })], { numRuns: 40 })(
    'keeps to the budget of a problem, and is the same again',
    async (problem, budget, rollouts) => {
      const run = () =>
        estimate(problem, createEstimator(name, { rollouts, threshold: 0 }), slipPolicy(6), {
          rolloutsPerProblem: budget,
        });
      const first = await run();
      expect(first.rollouts).toBeLessThanOrEqual(budget);
      expect(await run()).toEqual(first);
      first.values.forEach((list, i) => expect(list).toHaveLength(problem.samples[i]?.steps.length ?? -1));
      for (const value of first.values.flat()) {
        if (value === null) continue;
        expect(value.correct + value.incorrect + value.unparsable + value.failed).toBe(value.budget);
      }
    },
  );

  it('takes no failed call for an answer, and comes to an end when every call fails', async () => {
    const failing = createScriptedPolicy({ script: () => new Error('the service is down') });
    const { rollouts, failed, values } = await estimate(two, createEstimator(name, whole), failing);
    expect(rollouts).toBeGreaterThan(0);
    expect(failed).toBe(rollouts);
    // What is there besides failures is what the solutions themselves came to.
    const exhaustive = name === 'exhaustive' || name === 'adaptive';
    for (const value of values.flat()) {
      const answers = (value?.correct ?? 0) + (value?.incorrect ?? 0) + (value?.unparsable ?? 0);
      expect(answers).toBeLessThanOrEqual(exhaustive ? 0 : 2);
    }
  });

  it('counts answers that cannot be read apart', async () => {
    const mute = createScriptedPolicy({ script: () => 'neither steps nor answer' });
    const { rollouts, unparsable, values } = await estimate(two, createEstimator(name, whole), mute);
    expect(unparsable).toBe(rollouts);
    for (const value of values.flat()) expect(value?.incorrect ?? 0).toBeLessThanOrEqual(1);
  });

  it('asks nothing for a problem without a solution', async () => {
    const policy = slipPolicy(3);
    const unsolved = { ...two, samples: [{ ok: false as const, code: 'ERR_TIMEOUT', error: 'no answer' }] };
    expect(await estimate(unsolved, createEstimator(name, whole), policy)).toEqual({
      rollouts: 0,
      failed: 0,
      unparsable: 0,
      values: [[]],
    });
    expect(policy.calls).toEqual([]);
  });
});

describe('bad answers', () => {
  it('refuses a policy that answers in another shape', async () => {
    const policy = slipPolicy(3);
    const propose: typeof policy.propose = async (prefixes, { n, ...rest }) =>
      policy.propose(prefixes, { ...rest, n: n + 1 });
    await expect(estimate(two, createEstimator('exhaustive', whole), { ...policy, propose })).rejects.toMatchObject({
      code: 'ERR_MODEL_FAILED',
    });
  });

  it('counts an answer whose steps say nothing, and follows none of them', async () => {
    const policy = createScriptedPolicy({ script: () => ({ steps: steps('x', ''), finalAnswer: '7' }) });
    const { values } = await estimate(two, createEstimator('tree', whole), policy);
    expect(values.flat().every((value) => value !== null)).toBe(true);
    for (const { prefixes } of policy.calls) {
      for (const prefix of prefixes) expect(prefix.steps.every(({ text }) => text !== '')).toBe(true);
    }
  });
});
