import type { Policy, ProcessRewardModel } from '@vlprm/core';
import { NO_USAGE } from '@vlprm/core/records';
import { createScriptedPolicy, createScriptedPrm, type PolicyScript, type ScriptedPrm } from '@vlprm/core/testing';
import { describe, expect, test } from 'vitest';
import { grading, shown, textsOf, written } from '../testing/letters.ts';
import { DEFAULT_MAX_STEPS, guidedGreedy } from './guided-greedy.ts';
import type { SearchLane, SearchResult } from './strategy.ts';

/** Two steps to choose, `a` or `b` by turns, then an end that spells both. */
const spell: PolicyScript = (prefix, sample) => {
  const word = [...textsOf(prefix), ...Array.from({ length: 2 }, () => 'ab'[sample % 2] as string)].slice(0, 2);
  const rest = [...word, `spell ${word.join('')}`].slice(prefix.steps.length);
  return written(rest, word.join(''));
};
const spelling = createScriptedPolicy({ script: spell });

/** First step b .8, a .6; then a .7, b .4; the end .9. */
const grades: Readonly<Record<string, number>> = { a: 0.6, b: 0.8, 'b,a': 0.7, 'b,b': 0.4 };
const grader = (): ScriptedPrm => grading((texts) => grades[texts.join()] ?? 0.9);

const lanesOf = (...lanes: readonly [id: string, n: number][]): SearchLane[] => {
  const problems = new Map(lanes.map(([id]) => [id, shown(id)]));
  return lanes.map(([id, n]) => ({ presented: problems.get(id)!, n }));
};

async function search(
  lanes: readonly SearchLane[],
  policy: Policy = spelling,
  prm: ProcessRewardModel = grader(),
): Promise<SearchResult[]> {
  const { results } = await guidedGreedy.search(lanes, { policy, prm, seed: 1 });
  return results.map((result) => {
    if (!result.ok) throw result.error;
    return result.value;
  });
}

describe('guided greedy search', () => {
  test('takes the best next step, step by step', async () => {
    const [result] = await search(lanesOf(['p', 4]));
    expect(result?.steps.map(({ text }) => text)).toEqual(['b', 'a', 'spell ba']);
    expect(result?.finalAnswer).toBe('ba');
    expect([...result!.stepScores]).toEqual([0.8, 0.7, 0.9].map((p) => expect.closeTo(p, 6) as number));
  });

  test('records the tree of candidates, equal ones once', async () => {
    const [result] = await search(lanesOf(['p', 4]));
    const nodes = result!.nodes.map(({ parent, step, samples, chosen, ended }) => [
      parent,
      step.text,
      samples,
      chosen,
      ended,
    ]);
    expect(nodes).toEqual([
      [null, 'a', 2, false, false],
      [null, 'b', 2, true, false],
      [1, 'a', 2, true, false],
      [1, 'b', 2, false, false],
      [2, 'spell ba', 4, true, true],
    ]);
  });

  test('costs: every sample is written, equal candidates are read once', async () => {
    const [result] = await search(lanesOf(['p', 4]));
    expect(result).toMatchObject({
      policyTokens: 4 * (1 + 1 + 3),
      prmForwards: 5,
      prmTokens: 2 * 1 + 2 * 2 + 4,
      failedCalls: 0,
    });
  });

  test('all problems advance together: one call of policy and PRM a step', async () => {
    const policy = createScriptedPolicy({ script: spell });
    const prm = grader();
    await search(lanesOf(['p', 2], ['q', 2], ['r', 2]), policy, prm);
    expect(policy.calls.map(({ prefixes }) => prefixes.length)).toEqual([3, 3, 3]);
    expect(prm.calls.map((solutions) => solutions.length)).toEqual([6, 6, 3]);
  });

  test('lanes of one problem share their readings, and each counts its own cost', async () => {
    const prm = grader();
    const [narrow, wide] = await search(lanesOf(['p', 2], ['p', 4]), spelling, prm);
    expect(prm.calls.map((solutions) => solutions.length)).toEqual([2, 2, 1]);
    expect(narrow).toMatchObject({ policyTokens: 10, prmForwards: 5 });
    expect(wide).toMatchObject({ policyTokens: 20, prmForwards: 5 });
  });

  test('a lane does not depend on the lanes beside it', async () => {
    const [alone] = await search(lanesOf(['p', 3]));
    const [first, beside] = await search(lanesOf(['q', 2], ['p', 3]));
    expect(beside).toEqual(alone);
    expect(first).toBeDefined();
  });

  test('equal scores: the first sampled', async () => {
    const [result] = await search(
      lanesOf(['p', 2]),
      spelling,
      grading(() => 0.5),
    );
    expect(result?.finalAnswer).toBe('aa');
  });

  test('a single candidate is taken whatever its score', async () => {
    const [result] = await search(
      lanesOf(['p', 1]),
      spelling,
      grading(() => 0),
    );
    expect(result?.finalAnswer).toBe('aa');
  });

  test('failed candidates are counted and passed over', async () => {
    const policy = createScriptedPolicy({
      script: (prefix, sample, random) => (sample === 1 ? new Error('no answer') : spell(prefix, sample, random)),
    });
    const [result] = await search(lanesOf(['p', 4]), policy);
    expect(result).toMatchObject({ finalAnswer: 'ba', failedCalls: 3 });
  });

  test('a step without any candidate fails its own lane only', async () => {
    const policy = createScriptedPolicy({
      script: (prefix, sample, random) =>
        prefix.problem.id === 'q' && prefix.steps.length === 1 ? new Error('no answer') : spell(prefix, sample, random),
    });
    const { results } = await guidedGreedy.search(lanesOf(['p', 2], ['q', 2]), { policy, prm: grader(), seed: 1 });
    expect(results.map(({ ok }) => ok)).toEqual([true, false]);
    expect(results[1]).toMatchObject({ error: { message: 'no answer' } });
  });

  test('the step limit ends a search without an answer', async () => {
    const policy = createScriptedPolicy({ script: () => written(['more', 'and more'], 'A') });
    const [result] = await search(lanesOf(['p', 2]), policy);
    expect(result).toMatchObject({ finalAnswer: null });
    expect(result?.steps).toHaveLength(DEFAULT_MAX_STEPS);
  });

  test('an end without a readable answer is the end all the same', async () => {
    const [result] = await search(lanesOf(['p', 2]), createScriptedPolicy({ script: () => written(['lost'], null) }));
    expect(result).toMatchObject({ finalAnswer: null, steps: [{ text: 'lost' }] });
  });

  test('steps that cannot be read are passed over; when there is nothing else, the search ends without an answer', async () => {
    const sometimes = createScriptedPolicy({
      script: (prefix, sample, random) => (sample === 0 ? 'no tags here' : spell(prefix, sample, random)),
    });
    expect((await search(lanesOf(['p', 4]), sometimes))[0]).toMatchObject({ finalAnswer: 'ba', failedCalls: 0 });
    const never = createScriptedPolicy({ script: () => 'no tags here' });
    expect((await search(lanesOf(['p', 4]), never))[0]).toMatchObject({ finalAnswer: null, steps: [], failedCalls: 0 });
  });

  test('a PRM call that fails is a failure of its lanes; wrong input is thrown', async () => {
    const down = createScriptedPrm({ script: () => 1, failCalls: [1] });
    const { results, prmUsage } = await guidedGreedy.search(lanesOf(['p', 2]), {
      policy: spelling,
      prm: down,
      seed: 1,
    });
    expect(results[0]).toMatchObject({ ok: false, error: { message: 'scripted failure of call 1' } });
    expect(prmUsage.promptTokens).toBeNull();
    const short = { ...grader(), scoreSteps: async () => ({ scores: [], forwards: 0, usage: NO_USAGE }) };
    await expect(search(lanesOf(['p', 2]), spelling, short)).rejects.toMatchObject({ code: 'ERR_STEP_COUNT' });
  });

  test('its candidates come from a seed of its own', async () => {
    const policy = createScriptedPolicy({ script: spell });
    await search(lanesOf(['p', 2]), policy);
    expect(policy.calls[0]?.options).toMatchObject({ stop: 'step', n: 2 });
    expect(policy.calls[0]?.options.seed).not.toBe(1);
  });

  test('an interruption is thrown, not a failed lane', async () => {
    const controller = new AbortController();
    const policy = createScriptedPolicy({
      script: (prefix, sample, random) => {
        if (prefix.steps.length === 1) controller.abort();
        return spell(prefix, sample, random);
      },
    });
    const searching = guidedGreedy.search(lanesOf(['p', 2]), {
      policy,
      prm: grader(),
      seed: 1,
      signal: controller.signal,
    });
    await expect(searching).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});
