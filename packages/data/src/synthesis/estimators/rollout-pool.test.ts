import type { Step } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { POOL_OPTIONS, RolloutPool } from './rollout-pool.ts';
import { StepTree, type StepNode } from './step-tree.ts';

const words = (count: number, from = 'w'): Step[] => [{ kind: null, text: Array(count).fill(from).join(' ') }];
const wrong = { outcome: 'incorrect', steps: [] } as const;
const right = { outcome: 'correct', steps: [] } as const;

/** Two states, whose rollouts succeed at the given rates of ten. */
function twoStates(a: number, b: number): [StepNode, StepNode] {
  const tree = new StepTree([
    { steps: words(1, 'a'), outcome: 'failed' },
    { steps: words(1, 'b'), outcome: 'failed' },
  ]);
  return [a, b].map((successes, i) => {
    const node = tree.at(words(1, ['a', 'b'][i])) as StepNode;
    tree.record(
      node,
      Array.from({ length: 10 }, (_, draw) => (draw < successes ? right : wrong)),
    );
    return node;
  }) as [StepNode, StepNode];
}

const rollout = (state: StepNode, count: number, tag = 'w') => ({
  state,
  steps: [...state.steps, ...words(count, tag)],
});

describe('Q + U', () => {
  it('prefers the state of higher value, then the shorter continuation, then the one that came first', () => {
    const [poor, good] = twoStates(1, 9);
    const pool = new RolloutPool({ ...POOL_OPTIONS, exploration: 0 });
    const all = [rollout(poor, 5), rollout(good, 50), rollout(good, 5), rollout(good, 5, 'v')];
    all.forEach((one) => {
      pool.add(one);
    });
    expect([pool.pop(), pool.pop(), pool.pop(), pool.pop()]).toEqual([all[2], all[3], all[1], all[0]]);
  });

  it('is what the paper says', () => {
    // Q = ½^(1-0.9) · 0.9^(100/500) = 0.9136, and ½^(1-0.8) · 0.9^(0) = 0.8706; after k selections of the first state
    // U = 0.125 √k / (1 + k) for it and 0.125 √k for the other, which overtakes at k = 1: 0.9761 against 0.9956.
    const [high, low] = twoStates(9, 8);
    const pool = new RolloutPool(POOL_OPTIONS);
    [rollout(high, 100), rollout(high, 100, 'v'), { state: low, steps: low.steps }].forEach((one) => {
      pool.add(one);
    });
    expect([pool.pop(), pool.pop(), pool.pop()].map((one) => one?.state)).toEqual([high, low, high]);
  });

  it('follows what is learnt of a state while its rollouts wait', () => {
    const tree = new StepTree([
      { steps: words(1, 'a'), outcome: 'failed' },
      { steps: words(1, 'b'), outcome: 'failed' },
    ]);
    const [a, b] = ['a', 'b'].map((letter) => tree.at(words(1, letter)) as StepNode) as [StepNode, StepNode];
    tree.record(a, [right, wrong]);
    tree.record(b, [right, wrong]);
    const pool = new RolloutPool(POOL_OPTIONS);
    [rollout(a, 1), rollout(b, 1)].forEach((one) => {
      pool.add(one);
    });
    tree.record(b, [right, right]);
    expect(pool.pop()?.state).toBe(b);
  });
});

it('N(s) counts selections, and nothing else raises it', () => {
  const [a, b] = twoStates(5, 5);
  const pool = new RolloutPool(POOL_OPTIONS);
  [rollout(a, 1), rollout(a, 2), rollout(b, 1)].forEach((one) => {
    pool.add(one);
  });
  expect([pool.selections(a), pool.selections(b)]).toEqual([0, 0]);
  pool.pop();
  expect([pool.selections(a), pool.selections(b)]).toEqual([1, 0]);
  pool.pop();
  pool.pop();
  expect([pool.selections(a), pool.selections(b)]).toEqual([2, 1]);
});

it('what was taken does not come back', () => {
  const [a] = twoStates(5, 5);
  const pool = new RolloutPool(POOL_OPTIONS);
  pool.add(rollout(a, 1));
  pool.add(rollout(a, 2));
  const popped = [pool.pop(), pool.pop(), pool.pop()];
  expect(popped[2]).toBeUndefined();
  expect(new Set(popped).size).toBe(3);
  expect(pool.size).toBe(0);
});
