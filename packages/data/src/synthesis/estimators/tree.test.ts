import { backends } from '@vlprm/native-cuda';
import { fc, test } from '@fast-check/vitest';
import { createScriptedPolicy } from '@vlprm/core/testing';
import { describe, expect, it } from 'vitest';
import { estimate, slipPolicy, solvedProblem, steps } from '../../testing/sampled-solutions.ts';
import { completed, StepTree, sumCounts, type StepNode } from './step-tree.ts';
import { PrefixSearch, searchTree, treeEstimator } from './tree.ts';

const texts = fc.array(fc.constantFrom('a', 'b', 'slip'), { minLength: 1, maxLength: 5 });
const problems = fc
  .array(texts, { minLength: 1, maxLength: 4 })
  .map((all) => solvedProblem(all.map((own) => ({ steps: steps(...own), answer: own.includes('slip') ? '8' : '7' }))));

/** Goes on in the words of the solutions, so that rollouts come back to known prefixes; a quarter fails or is unreadable. */
const wanderingPolicy = () =>
  createScriptedPolicy({
    script: ({ steps: done }, _sample, random) => {
      const u = random.uniform();
      if (u < 0.15) return new Error('gone');
      const rest = Array.from({ length: random.int(4) }, () => random.pick(['a', 'b', 'slip', 'c']));
      const lost = [...done.map(({ text }) => text), ...rest].includes('slip');
      return { steps: steps(...rest), finalAnswer: u < 0.25 ? null : lost ? '8' : '7' };
    },
  });

const nodesOf = (node: StepNode): StepNode[] => [node, ...[...node.children.values()].flatMap(nodesOf)];

test.prop([problems, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 })], { numRuns: 60 })(
  'the kernel holds of every prefix what the tree of steps counts',
  (problem, rounds, wave) => {
    const solutions = problem.samples.map((sample) => ({
      steps: sample.steps,
      outcome: sample.finalAnswer === '7' ? ('correct' as const) : ('incorrect' as const),
    }));
    const tree = new StepTree(solutions);
    const search = new PrefixSearch(tree.root, {});
    const settings = { rollouts: 4, wave, exploration: 1 };
    let draw = 0;
    for (const requests of searchTree(search, { solutions, tree, budget: rounds }, settings)) {
      for (const { node, n } of requests) {
        const rest = steps(...['a', 'b', 'c'].slice(draw++ % 4));
        const outcomes = ['correct', 'failed', 'incorrect', 'unparsable'] as const;
        tree.record(
          node,
          Array.from({ length: n }, (_, i) => {
            const outcome = outcomes[(draw + i) % 4] ?? 'failed';
            return { outcome, steps: outcome === 'failed' ? [] : rest };
          }),
        );
      }
    }
    expect(tree.asked).toBe(search.arms === 0 ? 0 : rounds);
    for (const [prefix, node] of search.nodeOf) {
      if (prefix === tree.root) continue;
      const counts = sumCounts(prefix.solutions, prefix.asked, prefix.passed, prefix.below);
      const { visits, virtualVisits, meanValue } = search.batch.node(0, node);
      expect([visits, virtualVisits]).toEqual([completed(counts ?? prefix.asked), 0]);
      expect(meanValue).toBe(counts === null || visits === 0 ? null : counts.correct / visits);
    }
    // Each prefix but the ends is searched, and only once.
    const inner = nodesOf(new StepTree(solutions).root).filter(({ children }) => children.size > 0);
    expect(search.nodeOf.size).toBe(inner.length);
  },
);

describe('backends', () => {
  const available = backends().filter(({ available: there, name }) => there && name !== 'cuda');
  test.prop([problems], { numRuns: 15 })('ask and count the same', async (problem) => {
    const results = [];
    for (const { name } of available) {
      const policy = wanderingPolicy();
      const result = await estimate(problem, treeEstimator({ rollouts: 8, backend: name }), policy);
      results.push({
        result,
        calls: policy.calls.map(({ prefixes, options }) => [prefixes.map((one) => one.steps), options]),
      });
    }
    for (const other of results) expect(other).toEqual(results[0]);
  });
});

it('spends a quarter of an exhaustive run when there is no budget', async () => {
  const problem = solvedProblem([{ steps: steps('a', 'b', 'c', 'd', 'e'), answer: '7' }]);
  const { rollouts } = await estimate(problem, treeEstimator({ rollouts: 16 }), slipPolicy(5));
  expect(rollouts).toBe(16);
});

it('a success below shows that every prefix above can be completed', async () => {
  const problem = solvedProblem([{ steps: steps('a', 'b', 'slip', 'x'), answer: '8' }]);
  const { values } = await estimate(problem, treeEstimator({ rollouts: 16 }), slipPolicy(4));
  const right = values[0]?.map((value) => (value?.correct ?? 0) > 0);
  expect(right).toEqual([true, true, false, false]);
});

it('asks nothing where every solution has a single step', async () => {
  const policy = slipPolicy(1);
  const { values } = await estimate(
    solvedProblem([{ steps: steps('a'), answer: '7' }]),
    treeEstimator({ rollouts: 16 }),
    policy,
  );
  expect(policy.calls).toEqual([]);
  expect(values[0]?.[0]).toMatchObject({ correct: 1, budget: 1 });
});
