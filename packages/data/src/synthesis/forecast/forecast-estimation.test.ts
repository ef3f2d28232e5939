import { createAnswerChecker } from '@vlprm/core/text';
import type { Policy } from '@vlprm/core/models';
import { describe, expect, it } from 'vitest';
import { countingPolicy, countingProblems } from '../../testing/counting-world.ts';
import { traceWith } from '../../testing/traces.ts';
import { estimateProblem } from '../estimation.ts';
import { ESTIMATOR_NAMES } from '../estimators/estimator.ts';
import { createEstimator } from '../estimators/index.ts';
import { forecastEstimation } from './forecast-estimation.ts';
import {
  ASSUMED,
  assumedPopulation,
  measuredPopulation,
  summarizePopulation,
  type ProblemOutline,
} from './population.ts';

const PLAN = { rollouts: 8, threshold: 0, rolloutsPerProblem: null, choicesPerCall: Infinity, seed: 1 };

/** A solution of so many steps, all its own, and the value of each. */
const solution = (name: string, ...values: number[]) => ({
  steps: values.map((_, i) => ({ kind: 'reasoning' as const, text: `${name}${i}` })),
  values,
  right: (values.at(-1) ?? 0) > 0.5,
});

describe('forecastEstimation', () => {
  it('counts every distinct prefix once for the exhaustive estimator', async () => {
    const [one, two] = [solution('a', 0.9, 0.9, 0.9), solution('a', 0.9, 0.1)];
    const outline: ProblemOutline = [one, { ...two, steps: [one.steps[0]!, ...solution('b', 0, 0).steps.slice(1)] }];
    expect(await forecastEstimation([outline], { ...PLAN, estimator: 'exhaustive' })).toEqual({
      rollouts: 4 * 8,
      calls: 4,
      promptSteps: 1 + 2 + 3 + 2,
      writtenSteps: 8 * (2 + 1 + 0 + 0),
      rounds: 1,
    });
  });

  it('counts a call for every answer where a server gives one at a time', async () => {
    const load = await forecastEstimation([[solution('a', 0.5, 0.5)]], {
      ...PLAN,
      estimator: 'exhaustive',
      choicesPerCall: 3,
    });
    expect(load).toMatchObject({ rollouts: 16, calls: 6 });
  });

  it('asks the same of an exhaustive estimation as the estimation of these solutions does', async () => {
    const policy = countingPolicy();
    const asked = { calls: 0, rollouts: 0 };
    const counted: Policy = {
      ...policy,
      propose: (prefixes, options, signal) => {
        asked.calls += prefixes.length;
        asked.rollouts += prefixes.length * options.n;
        return policy.propose(prefixes, options, signal);
      },
    };
    const outlines: ProblemOutline[] = [];
    for (const loaded of countingProblems(20)) {
      const prefixes = [{ ...loaded, steps: [] }];
      const { proposals } = await policy.propose(prefixes, { n: 4, stop: 'end', seed: 5 });
      const samples = proposals[0]!.flatMap((one) =>
        one.ok ? [{ ok: true as const, ...one.value, steps: [...one.value.steps] }] : [],
      );
      const estimator = createEstimator('exhaustive', PLAN);
      const settings = {
        estimator,
        policy: counted,
        checker: createAnswerChecker(),
        temperature: null,
        seed: 5,
        rolloutsPerProblem: null,
      };
      await estimateProblem({ loaded, samples }, settings);
      outlines.push(samples.map(({ steps }) => ({ steps, values: steps.map(() => 0.5), right: false })));
    }
    expect(await forecastEstimation(outlines, { ...PLAN, estimator: 'exhaustive' })).toMatchObject(asked);
  });

  it.each(ESTIMATOR_NAMES)(
    'keeps %s within the rollouts of a problem, and is the same each time',
    async (estimator) => {
      const { outlines } = assumedPopulation(4, 3);
      const plan = { ...PLAN, estimator, rolloutsPerProblem: 50 };
      const some = [...outlines.values()].slice(0, 5);
      const load = await forecastEstimation(some, plan);
      expect(load.rollouts).toBeLessThanOrEqual(5 * 50);
      expect(load.rollouts).toBeGreaterThan(0);
      expect(await forecastEstimation(some, plan)).toEqual(load);
    },
  );

  it('asks less of estimators that stop early', async () => {
    const outlines = [...assumedPopulation(4, 3).outlines.values()].slice(0, 30);
    const load = async (estimator: (typeof ESTIMATOR_NAMES)[number]) =>
      forecastEstimation(outlines, { ...PLAN, rollouts: 16, estimator });
    const [exhaustive, adaptive, binary] = [await load('exhaustive'), await load('adaptive'), await load('binary')];
    expect(adaptive.rollouts).toBeLessThan(exhaustive.rollouts / 2);
    expect(binary.rollouts).toBeLessThan(exhaustive.rollouts / 2);
    expect(binary.rounds).toBeGreaterThan(exhaustive.rounds);
  });
});

describe('a population', () => {
  it('is measured on traces, with the mean of what a success rate can be', async () => {
    const mc = (correct: number) => ({ correct, incorrect: 3 - correct, failed: 1 });
    const traces = [
      traceWith([{ mc: mc(3) }, { mc: null }, { mc: mc(0) }], { problemId: 'p', outcome: 'incorrect' }),
      traceWith([{ mc: null }], { problemId: 'p', outcome: 'correct' }),
      traceWith([{ mc: mc(1) }], { problemId: 'beyond the limit' }),
    ];
    const population = await measuredPopulation(traces, 1);
    expect(population?.outlines.get('p')?.map(({ values }) => values)).toEqual([
      [3.5 / 4, 3.5 / 4, 0.5 / 4],
      [1.5 / 2],
    ]);
    expect(population?.outlines.size).toBe(1);
    expect(summarizePopulation(population!)).toEqual({
      measured: true,
      problems: 1,
      solutions: 2,
      stepsPerSolution: 2,
      right: 0.5,
    });
    expect(await measuredPopulation([], 1)).toBeNull();
  });

  it('is assumed as published', () => {
    const { stepsPerSolution, right, measured } = summarizePopulation(assumedPopulation(6, 1));
    expect(stepsPerSolution).toBe(ASSUMED.steps);
    expect(Math.abs(right - ASSUMED.rightShare)).toBeLessThan(0.06);
    expect(measured).toBe(false);
  });
});
