import { searchTraceSchema } from '@vlprm/core/records';
import { createScriptedPolicy, createScriptedPrm, type PolicyScript } from '@vlprm/core/testing';
import { describe, expect, test } from 'vitest';
import { strategiesWithoutPrm, weightedVote } from '../strategies/index.ts';
import { grading, shown, written } from '../testing/letters.ts';
import { solve, type SolveOptions } from './solve.ts';

/** Five samples: A twice with the same words, B twice, C once. */
const SOLUTIONS = [
  written(['see one', 'so A'], 'A'),
  written(['see two', 'so B'], 'B'),
  written(['see one', 'so A'], 'A'),
  written(['see two', 'hence B'], 'b.'),
  written(['see one', 'so C'], 'C'),
];
const byTurns: PolicyScript = (_, sample) => SOLUTIONS[sample % SOLUTIONS.length]!;

/** Step scores worked by hand: min A .5, B .6 and .7, C .5; last A .9, B .6 .7, C .95; whole A .2, B .3 .4, C .8. */
const SCORES: Readonly<Record<string, number>> = {
  'see one': 0.5,
  'see two': 0.7,
  'so A': 0.9,
  'so B': 0.6,
  'hence B': 0.8,
  'so C': 0.95,
};
const WHOLE: readonly [string, number][] = [
  ['so A', 0.2],
  ['so B', 0.3],
  ['hence B', 0.4],
  ['so C', 0.8],
];
const score = (text: string): number =>
  SCORES[text] ?? WHOLE.find(([end]) => text.includes(`>${end}<`))?.[1] ?? Number.NaN;
const grader = () => grading((texts) => score(texts.at(-1)!));

const run = (strategy: SolveOptions['strategy'], more: Partial<SolveOptions> = {}): ReturnType<typeof solve> =>
  solve({
    policy: createScriptedPolicy({ script: byTurns }),
    prm: grader(),
    problem: shown('p'),
    strategy,
    n: 5,
    seed: 1,
    ...more,
  });

describe('solve', () => {
  test('each strategy gives its own answer from the same samples', async () => {
    expect((await run('pass-at-1')).answer).toBe('A');
    expect((await run('majority')).answer).toBe('A');
    expect((await run('one-shot')).answer).toBe('C');
    expect((await run('step-min')).answer).toBe('b.');
    expect((await run('step-last')).answer).toBe('C');
    expect((await run('weighted-vote')).answer).toBe('b.');
    expect((await run(weightedVote('last'))).answer).toBe('A');
  });

  test('gives every candidate with its scores and marks the chosen', async () => {
    const { candidates, chosen, score: total } = await run('weighted-vote');
    expect(candidates.map(({ finalAnswer }) => finalAnswer)).toEqual(['A', 'B', 'A', 'b.', 'C']);
    expect(candidates.map((candidate) => candidate.chosen)).toEqual([false, false, false, true, false]);
    expect(chosen).toBe(candidates[3]);
    expect(chosen.stepScores).toEqual([0.7, 0.8].map((p) => expect.closeTo(p, 6) as number));
    expect(total).toBeCloseTo(1.3, 6);
  });

  test('equal solutions are read once', async () => {
    const prm = grader();
    const result = await run('step-min', { prm });
    expect(prm.calls.map((solutions) => solutions.length)).toEqual([4]);
    expect(result).toMatchObject({ prmForwards: 4, prmTokens: 4 * 4, policyTokens: 5 * 5 });
  });

  test('one-shot hands the whole solution over as one step of no kind, without its answer', async () => {
    const prm = grader();
    await run('one-shot', { prm, n: 1 });
    expect(prm.calls[0]?.[0]?.steps).toEqual([
      { kind: null, text: '[Reasoning]\n<step_1>see one</step_1>\n<step_2>so A</step_2>' },
    ]);
  });

  test('the trace is a tree of all samples and follows its schema', async () => {
    const { trace } = await run('weighted-vote');
    expect(searchTraceSchema.parse(JSON.parse(JSON.stringify(trace)))).toEqual(trace);
    const nodes = trace.nodes.map(({ parent, step, samples, chosen, finalAnswer }) => [
      parent,
      step.text,
      samples,
      chosen,
      finalAnswer,
    ]);
    expect(nodes).toEqual([
      [null, 'see one', 3, false, null],
      [0, 'so A', 2, false, 'A'],
      [null, 'see two', 2, true, null],
      [2, 'so B', 1, false, 'B'],
      [2, 'hence B', 1, true, 'b.'],
      [0, 'so C', 1, false, 'C'],
    ]);
    expect(trace).toMatchObject({
      strategy: 'weighted-vote',
      n: 5,
      seed: 1,
      policy: 'scripted-policy',
      prm: 'scripted-prm',
    });
  });

  test('a guided search gives its walk as the only candidate', async () => {
    const script: PolicyScript = ({ steps }, sample) => {
      const rest = SOLUTIONS[sample % 2]!;
      return steps.length === 0 ? rest : written(['so B'], 'B');
    };
    const result = await run('guided-greedy', { policy: createScriptedPolicy({ script }), n: 2 });
    expect(result.answer).toBe('B');
    expect(result.candidates).toEqual([result.chosen]);
    expect(result.chosen.steps.map(({ text }) => text)).toEqual(['see two', 'so B']);
    expect(result.score).toBeCloseTo(0.6, 6);
    expect(searchTraceSchema.parse(JSON.parse(JSON.stringify(result.trace)))).toEqual(result.trace);
  });

  test('the same seed gives the same result', async () => {
    const script: PolicyScript = (_, __, random) => SOLUTIONS[random.int(SOLUTIONS.length)]!;
    const once = (seed: number) => run('weighted-vote', { policy: createScriptedPolicy({ script }), n: 8, seed });
    expect(await once(3)).toEqual(await once(3));
    expect((await once(3)).candidates).not.toEqual((await once(4)).candidates);
  });

  test('fewer samples are the first of more', async () => {
    const script: PolicyScript = (_, __, random) => SOLUTIONS[random.int(SOLUTIONS.length)]!;
    const steps = async (n: number) =>
      (await run('majority', { policy: createScriptedPolicy({ script }), n })).candidates.map(
        (candidate) => candidate.steps,
      );
    expect((await steps(8)).slice(0, 3)).toEqual(await steps(3));
  });
});

describe('what can go wrong', () => {
  test('a failed sample is passed over and counted', async () => {
    const script: PolicyScript = (prefix, sample, random) =>
      sample === 4 ? new Error('no answer') : byTurns(prefix, sample, random);
    const result = await run('one-shot', { policy: createScriptedPolicy({ script }) });
    expect(result).toMatchObject({ answer: 'b.', failedSamples: 1, trace: { failedSamples: 1 } });
    expect(result.candidates).toHaveLength(4);
  });

  test('when every sample failed there is no answer but an error with the reason', async () => {
    const policy = createScriptedPolicy({ script: () => new Error('rate limit') });
    await expect(run('majority', { policy })).rejects.toMatchObject({
      code: 'ERR_MODEL_FAILED',
      message: 'every sample failed: rate limit',
      where: 'problem p',
    });
    const gone = createScriptedPolicy({ script: byTurns, failCalls: [0] });
    await expect(run('majority', { policy: gone })).rejects.toThrow('scripted failure of call 0');
  });

  test('a PRM that fails is an error for strategies that need it, and no concern of the others', async () => {
    const down = () => createScriptedPrm({ script: () => 1, failCalls: [0] });
    await expect(run('step-min', { prm: down() })).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
    expect((await run('majority', { prm: down() })).answer).toBe('A');
  });

  test('a score outside of [0, 1] is a failed reading, not a score', async () => {
    const script = (step: { text: string }): number => (step.text === 'so C' ? Number.NaN : 0.5);
    const result = await run('step-last', { prm: createScriptedPrm({ script }) });
    expect(result).toMatchObject({ answer: 'A', failedSamples: 1 });
    expect(result.candidates[4]?.stepScores).toBeNull();
  });

  test('answers that cannot be read give the answer null', async () => {
    const result = await run('majority', { policy: createScriptedPolicy({ script: () => 'mumble' }) });
    expect(result).toMatchObject({ answer: null, failedSamples: 0, trace: { nodes: [] } });
    expect((await run('step-min', { policy: createScriptedPolicy({ script: () => 'mumble' }) })).answer).toBeNull();
  });

  test('without a PRM only strategies that need none can run', async () => {
    for (const strategy of strategiesWithoutPrm()) await run(strategy, { prm: null });
    await expect(run('step-min', { prm: null })).rejects.toMatchObject({
      code: 'ERR_NO_PRM',
      exitCode: 2,
      fix: expect.stringContaining('npm start') as string,
    });
    await expect(run('guided-greedy', { prm: null })).rejects.toMatchObject({ code: 'ERR_NO_PRM' });
  });

  test.each([
    ['an unknown strategy', { strategy: 'luck' }, 'ERR_STRATEGY_UNKNOWN'],
    ['a bound', { strategy: 'oracle' }, 'ERR_USAGE'],
    ['no samples', { n: 0 }, 'ERR_RANGE'],
    ['half a sample', { n: 1.5 }, 'ERR_RANGE'],
    ['a negative seed', { seed: -1 }, 'ERR_RANGE'],
  ])('%s is refused', async (_, more, code) => {
    await expect(run('majority', more)).rejects.toMatchObject({ code });
  });

  test('an interruption ends it', async () => {
    const slow = createScriptedPolicy({ script: byTurns, delayMs: 60_000 });
    const running = run('majority', { policy: slow, signal: AbortSignal.timeout(20) });
    await expect(running).rejects.toMatchObject({ code: 'ERR_ABORTED', exitCode: 130 });
    await expect(run('majority', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});
