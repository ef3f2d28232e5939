import { fc, test } from '@fast-check/vitest';
import type { Outcome, Step } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { completed, StepTree, sumCounts, type StepNode } from './step-tree.ts';

const step = (text: string, kind: Step['kind'] = null): Step => ({ kind, text });
const path = (letters: readonly string[]): Step[] => letters.map((letter) => step(letter));

const outcome = fc.constantFrom<Outcome>('correct', 'incorrect', 'unparsable', 'failed');
const letters = (minLength: number) => fc.array(fc.constantFrom('a', 'b'), { minLength, maxLength: 4 }).map(path);
const solutions = fc.array(fc.record({ steps: letters(1), outcome }), { minLength: 1, maxLength: 5 });

const nodesOf = (node: StepNode): StepNode[] => [node, ...[...node.children.values()].flatMap(nodesOf)];

test.prop([solutions, fc.array(fc.record({ at: fc.nat(), rest: letters(0), outcome }), { maxLength: 20 })])(
  'every path is counted once at each prefix, by where it was asked for',
  (given, asked) => {
    const tree = new StepTree(given);
    const paths = given.map(({ steps, outcome: end }) => ({ steps, outcome: end, from: -1 }));
    for (const { at, rest, outcome: end } of asked) {
      const nodes = nodesOf(tree.root).slice(1);
      const node = nodes[at % nodes.length] as StepNode;
      tree.record(node, [{ outcome: end, steps: rest }]);
      paths.push({ steps: [...node.steps, ...rest], outcome: end, from: node.steps.length });
    }
    for (const node of nodesOf(tree.root).slice(1)) {
      const depth = node.steps.length;
      const through = paths.filter(({ steps }) => node.steps.every(({ text }, i) => steps[i]?.text === text));
      const count = (chosen: typeof paths): number => chosen.filter((one) => one.outcome === 'correct').length;
      expect(node.solutions.correct).toBe(count(through.filter(({ from }) => from < 0)));
      expect(node.asked.correct).toBe(count(through.filter(({ from }) => from === depth)));
      expect(node.passed.correct).toBe(count(through.filter(({ from }) => from >= 0 && from < depth)));
      expect(node.below.correct).toBe(count(through.filter(({ from }) => from > depth)));
      expect(tree.at(node.steps)).toBe(node);
    }
    expect(tree.asked).toBe(asked.length);
  },
);

describe('keys', () => {
  const kinds = [null, 'perception', 'reasoning'] as const;
  const any = fc.record({ kind: fc.constantFrom(...kinds), text: fc.string({ minLength: 1 }) });
  test.prop([any, any])('are equal for equal steps and no others', (a, b) => {
    const tree = new StepTree([{ steps: [a], outcome: 'correct' }]);
    expect(tree.at([b]) !== undefined).toBe(a.kind === b.kind && a.text === b.text);
  });

  it('tell kinds from the letters that stand for them', () => {
    const tree = new StepTree([{ steps: [step('x', 'perception')], outcome: 'correct' }]);
    expect([tree.at([step('px')]), tree.at([step('x')]), tree.at([step('x', 'reasoning')])]).toEqual(
      Array(3).fill(undefined),
    );
    const members = new StepTree([{ steps: [step('__proto__')], outcome: 'correct' }]);
    expect([members.at([step('constructor')]), members.at([step('__proto__')])?.solutions.correct]).toEqual([
      undefined,
      1,
    ]);
  });

  it('tell steps from where one is cut in two', () => {
    expect(new StepTree([{ steps: path(['a', 'b']), outcome: 'correct' }]).at([step('ab')])).toBeUndefined();
  });
});

describe('evidence', () => {
  const counts = { correct: 1, incorrect: 2, unparsable: 3, failed: 4 };
  it('sums to its budget, and nothing is nothing', () => {
    expect(sumCounts(counts, counts)).toEqual({ correct: 2, incorrect: 4, unparsable: 6, failed: 8, budget: 20 });
    expect(sumCounts({ correct: 0, incorrect: 0, unparsable: 0, failed: 0 })).toBeNull();
  });
  it('takes an unreadable answer for an end, a failed call for none', () => {
    expect(completed(counts)).toBe(6);
  });
});
