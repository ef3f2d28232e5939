import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { rendezvous } from './rendezvous.ts';

const nodesOf = (weights: readonly number[]) => weights.map((weight, i) => ({ name: `http://host-${i}`, weight }));
const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });

property.prop([weights, fc.string()])('an order of all nodes, the same whenever it is asked for', (weights, key) => {
  const nodes = nodesOf(weights);
  const names = rendezvous(nodes)(key).map(({ name }) => name);
  expect(names.toSorted()).toEqual(nodes.map(({ name }) => name));
  expect(rendezvous(nodes.toReversed())(key).map(({ name }) => name)).toEqual(names);
});

property.prop([weights, fc.string(), fc.nat()])(
  'without one node the others keep their order',
  (weights, key, pick) => {
    const nodes = nodesOf(weights);
    const gone = nodes[pick % nodes.length];
    const rest = nodes.filter((node) => node !== gone);
    const order = rendezvous(nodes)(key).filter((node) => node !== gone);
    expect(rest.length === 0 ? [] : rendezvous(rest)(key)).toEqual(order);
  },
);

test('first places are shared by weight', () => {
  const nodes = nodesOf([1, 2, 5]);
  const rank = rendezvous(nodes);
  const counts = new Map(nodes.map((node) => [node, 0]));
  const keys = 8000;
  for (let i = 0; i < keys; i++) {
    const first = rank(`problem ${i}`)[0]!;
    counts.set(first, counts.get(first)! + 1);
  }
  for (const [{ weight }, count] of counts) expect(count / keys).toBeCloseTo(weight / 8, 1.5);
});
