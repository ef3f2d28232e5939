import { createEvents, type Progress } from '@vlprm/core/runtime';
import { createScriptedPolicy, createScriptedPrm, type PolicyScript } from '@vlprm/core/testing';
import { describe, expect, test } from 'vitest';
import { grading, letterProblem, textsOf, written } from '../testing/letters.ts';
import { runBenchmark, type BenchmarkOptions, type BenchmarkProblem } from './benchmark.ts';

const problem = (id: string, answer: string | null = 'A'): BenchmarkProblem => ({
  problem: letterProblem(id, answer),
  images: [],
});

/** Answers of the samples of each problem, `-` for one that cannot be read and `!` for a failed call. */
const ANSWERS: Readonly<Record<string, string>> = { easy: 'AAAA', hard: 'BBAB', tied: 'ABBA', lost: 'CC--' };

const byTable: PolicyScript = ({ problem: { id }, steps }, sample) => {
  const answer = ANSWERS[id]?.[sample % 4] ?? '!';
  if (answer === '!') return new Error('no answer');
  if (answer === '-') return 'mumble';
  return written(['look', `so ${answer}`].slice(steps.length), answer);
};
const policy = () => createScriptedPolicy({ script: byTable });

/** Knows the right letter most of the time: A .9, B .4, C .3; looking .8. As one step: .9, .4, .3. */
const prm = () =>
  grading((texts) => {
    const text = texts.at(-1)!;
    if (text === 'look') return 0.8;
    return text.includes('so A') ? 0.9 : text.includes('so B') ? 0.4 : 0.3;
  });

const benchmark = (more: Partial<BenchmarkOptions> = {}): ReturnType<typeof runBenchmark> =>
  runBenchmark({
    problems: Object.keys(ANSWERS).map((id) => problem(id)),
    policy: policy(),
    prm: prm(),
    ns: [1, 2, 4],
    seed: 5,
    ...more,
  });

/** Accuracy by `strategy@n`. */
async function accuracies(more: Partial<BenchmarkOptions> = {}): Promise<Record<string, number>> {
  const { rows } = await benchmark(more);
  return Object.fromEntries(rows.map(({ strategy, n, accuracy }) => [`${strategy}@${n}`, accuracy]));
}

describe('runBenchmark', () => {
  test('accuracies worked by hand', async () => {
    expect(await accuracies()).toEqual({
      // first samples A B A C; then AA BB AB CC; then AAAA BBAB ABBA CC--
      'pass-at-1@1': 0.5,
      'pass-at-1@2': (1 + 0 + 0.5 + 0) / 4,
      'pass-at-1@4': (1 + 0.25 + 0.5 + 0) / 4,
      'oracle@1': 0.5,
      'oracle@2': 0.5,
      'oracle@4': 0.75,
      'majority@1': 0.5,
      'majority@2': (1 + 0 + 0.5 + 0) / 4,
      'majority@4': (1 + 0 + 0.5 + 0) / 4,
      'one-shot@1': 0.5,
      'one-shot@2': 0.5,
      'one-shot@4': 0.75,
      'step-mean@1': 0.5,
      'step-mean@2': 0.5,
      'step-mean@4': 0.75,
      'step-min@1': 0.5,
      'step-min@2': 0.5,
      'step-min@4': 0.75,
      'step-last@1': 0.5,
      'step-last@2': 0.5,
      'step-last@4': 0.75,
      // min: A .8, B .4, C .3; hard@4 is 1.2 for B against .8
      'weighted-vote@1': 0.5,
      'weighted-vote@2': 0.5,
      'weighted-vote@4': 0.5,
      'guided-greedy@2': 0.5,
      'guided-greedy@4': 0.75,
    });
  });

  test('one call of policy and PRM serves every strategy and every n', async () => {
    const models = { policy: policy(), prm: prm() };
    await benchmark({ ...models, searchNs: [2], strategies: ['majority', 'one-shot', 'step-min', 'weighted-vote'] });
    expect(models.policy.calls.map(({ options }) => options)).toEqual([{ n: 4, stop: 'end', seed: 5 }]);
    expect(models.prm.calls).toHaveLength(1);
    // distinct solutions: easy A; hard A B; tied A B; lost C; each step-wise and as one step
    expect(models.prm.calls[0]).toHaveLength(2 * 6);
  });

  test('batches do not change the result', async () => {
    const whole = await benchmark();
    const split = await benchmark({ problemsPerCall: 1 });
    expect(split.rows).toEqual(whole.rows);
    expect(split.paired).toEqual(whole.paired);
    expect(split.problems).toEqual(whole.problems);
  });

  test('models never see the reference answer', async () => {
    const models = { policy: policy(), prm: prm() };
    await benchmark(models);
    const seen = [...models.policy.calls.flatMap(({ prefixes }) => prefixes), ...models.prm.calls.flat()];
    expect(seen.length).toBeGreaterThan(0);
    for (const { problem: shown } of seen) expect(shown).not.toHaveProperty('answer');
  });

  test('costs are those of a strategy alone: equal solutions read once, pass-at-1 pays for one sample', async () => {
    const { rows } = await benchmark({ strategies: ['pass-at-1', 'majority', 'step-min', 'one-shot'], ns: [4] });
    const costs = Object.fromEntries(
      rows.map((row) => [row.strategy, [row.policyTokens, row.prmForwards, row.prmTokens]]),
    );
    // a solution is 4 words: look, so, A, A; one that cannot be read is none
    expect(costs).toEqual({
      'pass-at-1': [4 + 4 + 4 + 2, 0, 0],
      majority: [16 + 16 + 16 + 8, 0, 0],
      'step-min': [56, 6, 6 * 3],
      'one-shot': [56, 6, 6 * 4],
    });
  });

  test('gains are paired and default to majority and one sample', async () => {
    const { paired } = await benchmark({ strategies: ['pass-at-1', 'majority', 'step-min'], ns: [1, 4] });
    expect(paired.map(({ a, b, n, gain }) => [a, b, n, gain])).toEqual([
      ['majority', 'pass-at-1', 4, (0 - 0.25 + 0) / 4],
      ['step-min', 'majority', 4, (1 + 0.5) / 4],
      ['step-min', 'pass-at-1', 4, (0.75 + 0.5) / 4],
    ]);
  });

  test('a failed sample says nothing; a problem of failures is excluded with a count', async () => {
    const script: PolicyScript = (prefix, sample, random) => {
      const { id } = prefix.problem;
      if (id === 'lost' || (id === 'hard' && sample === 0)) return new Error('no answer');
      return byTable(prefix, sample, random);
    };
    const failing = createScriptedPolicy({ script });
    const { rows } = await benchmark({ policy: failing, strategies: ['pass-at-1', 'majority'], ns: [1, 4] });
    const [one, four] = rows;
    expect(one).toMatchObject({ accuracy: 1, problems: 2, excluded: 2, failedSamples: 2 });
    expect(four).toMatchObject({ problems: 3, excluded: 1, failedSamples: 5 });
    expect(four!.accuracy).toBeCloseTo((1 + 1 / 3 + 0.5) / 3, 12);
  });

  test('a PRM call that fails excludes its batch from what needs it, and from nothing else', async () => {
    const flaky = createScriptedPrm({ script: () => 0.5, failCalls: [0] });
    const { rows, problems } = await benchmark({
      prm: flaky,
      strategies: ['majority', 'step-min'],
      ns: [4],
      problemsPerCall: 2,
    });
    expect(rows.map(({ problems: counted, excluded }) => [counted, excluded])).toEqual([
      [4, 0],
      [2, 2],
    ]);
    expect(problems[0]?.results[1]).toMatchObject({ value: null, chosen: null, failedSamples: 4 });
  });

  test('the outcome of every sample is kept for reports', async () => {
    const { problems } = await benchmark();
    const outcomes = problems.map(({ samples }) =>
      samples.map((sample) => (sample.ok ? sample.value.outcome : 'failed')),
    );
    expect(outcomes).toEqual([
      ['correct', 'correct', 'correct', 'correct'],
      ['incorrect', 'incorrect', 'correct', 'incorrect'],
      ['correct', 'incorrect', 'incorrect', 'correct'],
      ['incorrect', 'incorrect', 'unparsable', 'unparsable'],
    ]);
    const chosen = problems[1]?.results.find(({ strategy, n }) => strategy === 'step-min' && n === 4);
    expect(chosen).toMatchObject({ chosen: 2, answer: 'A', value: 1 });
    const walked = problems[1]?.results.find(({ strategy }) => strategy === 'guided-greedy')?.walked;
    expect(walked && textsOf(walked)).toEqual(['look', 'so B']);
  });

  test('the same seed gives the same result, another another', async () => {
    const script: PolicyScript = ({ steps }, _, random) => {
      const answer = random.pick(['A', 'B']);
      return written(['look', `so ${answer}`].slice(steps.length), answer);
    };
    const problems = Array.from({ length: 12 }, (_, i) => problem(`p${i}`));
    const once = (seed: number) => benchmark({ policy: createScriptedPolicy({ script }), problems, seed });
    expect(await once(1)).toEqual(await once(1));
    expect((await once(1)).rows).not.toEqual((await once(2)).rows);
  });

  test('the order of the problems does not change an accuracy', async () => {
    const reversed = Object.keys(ANSWERS).reverse();
    expect(await accuracies({ problems: reversed.map((id) => problem(id)) })).toEqual(await accuracies());
  });

  test('tells how far it is', async () => {
    const events = createEvents();
    const heard: Progress[] = [];
    events.on('progress', (event) => heard.push(event));
    await benchmark({ events, problemsPerCall: 2 });
    const ends = heard.filter(({ done, total }) => done === total).map(({ stage, total }) => [stage, total]);
    expect(ends).toEqual([
      ['sample', 4],
      ['guided-greedy', 8],
    ]);
  });

  test('without a PRM it measures what needs none', async () => {
    const { rows } = await benchmark({ prm: null, ns: [2] });
    expect(rows.map(({ strategy }) => strategy)).toEqual(['pass-at-1', 'oracle', 'majority']);
  });

  test.each([
    ['a strategy that needs a PRM without one', { prm: null, strategies: ['one-shot'] }, 'ERR_NO_PRM'],
    ['an unknown strategy', { strategies: ['luck'] }, 'ERR_STRATEGY_UNKNOWN'],
    ['no problems', { problems: [] }, 'ERR_DATASET_INVALID'],
    ['a problem without a reference', { problems: [problem('p', null)] }, 'ERR_DATASET_INVALID'],
    ['no numbers of samples', { ns: [] }, 'ERR_RANGE'],
    ['a number of samples out of range', { ns: [0] }, 'ERR_RANGE'],
    ['empty batches', { problemsPerCall: 0 }, 'ERR_RANGE'],
    ['a guided search where it is not measured', { strategies: ['guided-greedy'], ns: [16] }, 'ERR_RANGE'],
    [
      'a policy that always fails',
      { policy: createScriptedPolicy({ script: () => new Error('down') }) },
      'ERR_MODEL_FAILED',
    ],
  ])('%s is refused', async (_, more, code) => {
    await expect(benchmark(more)).rejects.toMatchObject({ code });
  });

  test('an interruption ends it', async () => {
    const slow = createScriptedPolicy({ script: byTable, delayMs: 60_000 });
    await expect(benchmark({ policy: slow, signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
  });
});
