import { searchTraceSchema } from '@vlprm/core/records';
import { createScriptedPolicy } from '@vlprm/core/testing';
import { expect, test } from 'vitest';
import { grading, letterProblem, written } from '../testing/letters.ts';
import { runBenchmark } from './benchmark.ts';
import { searchTraces } from './search-traces.ts';

/** Samples of `one`: A, B, A and a call that failed; all of `none` fail. */
const policy = createScriptedPolicy({
  script: ({ problem: { id }, steps }, sample) => {
    const answer = id === 'one' ? 'ABA'[sample % 4] : undefined;
    if (answer === undefined) return new Error('no answer');
    return written(['look', `so ${answer}`].slice(steps.length), answer);
  },
});
const prm = grading((texts) => (texts.at(-1)!.includes('so B') ? 0.9 : 0.2));

const options = { strategy: 'step-last', n: 4, seed: 5, policy: 'scripted', prm: 'grading' };

async function benchmark(strategies: readonly string[]) {
  const problems = ['one', 'none'].map((id) => ({ problem: letterProblem(id, 'A'), images: [] }));
  return runBenchmark({ problems, policy, prm, strategies, ns: [1, 4], seed: 5 });
}

test('records the tree of the samples that came back and the choice, and nothing of a problem without any', async () => {
  const { problems } = await benchmark(['step-last', 'majority']);
  const [trace, ...others] = searchTraces(problems, options);
  expect(others).toEqual([]);
  expect(searchTraceSchema.parse(trace)).toMatchObject({ problemId: 'one', answer: 'B', failedSamples: 1 });
  const tree = trace!.nodes.map(({ parent, step, samples, chosen, finalAnswer }) => [
    parent,
    step.text,
    samples,
    chosen,
    finalAnswer,
  ]);
  expect(tree).toEqual([
    [null, 'look', 3, true, null],
    [0, 'so A', 2, false, 'A'],
    [0, 'so B', 1, true, 'B'],
  ]);
});

test('has no records of a bound, nor of a strategy that was not run', async () => {
  const { problems } = await benchmark(['step-last', 'oracle']);
  expect(searchTraces(problems, { ...options, strategy: 'oracle' })).toEqual([]);
  expect(searchTraces(problems, { ...options, strategy: 'majority' })).toEqual([]);
});
