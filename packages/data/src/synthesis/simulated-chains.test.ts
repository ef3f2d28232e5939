import { fc, test } from '@fast-check/vitest';
import type { Step } from '@vlprm/core/records';
import { createAnswerChecker } from '@vlprm/core/text';
import { describe, expect, it } from 'vitest';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import { chainSuccessRate, createChainWorld, type ChainWorld } from './simulated-chains.ts';

const checker = createAnswerChecker();

async function draw(world: ChainWorld, { problem, images }: LoadedProblem, steps: readonly Step[], n: number) {
  const { answer: reference, ...shown } = problem;
  const { proposals } = await world.policy.propose([{ problem: shown, images, steps }], { n, stop: 'end', seed: 4 });
  const values = proposals.flat().flatMap((proposal) => (proposal.ok ? [proposal.value] : []));
  const outcomes = checker.check(
    values.map(({ finalAnswer }) => ({ answer: finalAnswer, reference: reference as string, options: null })),
  );
  return { solutions: values, right: outcomes.filter((outcome) => outcome === 'correct').length };
}

const rate = fc.double({ min: 0, max: 0.5, noNaN: true });

test.prop([rate, rate, fc.boolean(), fc.integer({ min: 0, max: 40 })])(
  'the success rate is a martingale that ends at what is',
  (slip, recover, holds, rest) => {
    const at = (state: boolean, left: number): number => chainSuccessRate({ slip, recover }, state, left);
    const stays = holds ? 1 - slip : recover;
    expect(at(holds, rest + 1)).toBeCloseTo(stays * at(true, rest) + (1 - stays) * at(false, rest), 10);
    expect([at(true, 0), at(false, 0)]).toEqual([expect.closeTo(1, 12), expect.closeTo(0, 12)]);
  },
);

describe('the world', () => {
  const world = createChainWorld({ seed: 1000, steps: 8 });
  const problems = [...world.problems(12)];

  it('is the same whenever it is iterated, and made as it is asked for', () => {
    expect([...world.problems(12)]).toEqual(problems);
    const [first] = world.problems(1e12);
    expect(first).toEqual(problems[0]);
  });

  it('draws rollouts at the rate that the closed form gives', async () => {
    const n = 3000;
    for (const loaded of problems) {
      const [solution] = (await draw(world, loaded, [], 1)).solutions;
      for (const length of [0, 1, 5, 8]) {
        const prefix = (solution?.steps ?? []).slice(0, length);
        const expected = world.successRate(loaded.problem, prefix);
        const { right } = await draw(world, loaded, prefix, n);
        expect(Math.abs(right / n - expected)).toBeLessThanOrEqual(
          5 * Math.sqrt((expected * (1 - expected)) / n) + 1e-12,
        );
      }
    }
  });

  it('has problems in which a slip is final, and others', () => {
    const recoveries = [...world.problems(100)].map(({ problem }) => world.chain(problem).recover);
    const final = recoveries.filter((recover) => recover === 0).length;
    expect(final).toBeGreaterThan(40);
    expect(final).toBeLessThan(80);
  });

  it('gives a continuation by prefix, seed and place alone', async () => {
    const [loaded] = problems;
    if (loaded === undefined) throw new Error('no problem');
    const { answer: _, ...problem } = loaded.problem;
    const prefix = { problem, images: [], steps: [] };
    const three = await world.policy.propose([prefix, prefix], { n: 3, stop: 'end', seed: 4 });
    const two = await world.policy.propose([prefix], { n: 2, stop: 'end', seed: 4 });
    expect(three.proposals[1]?.slice(0, 2)).toEqual(two.proposals[0]);
    const step = await world.policy.propose([prefix], { n: 1, stop: 'step', seed: 4 });
    expect(step.proposals[0]?.[0]).toMatchObject({ value: { ended: false, finalAnswer: null } });
  });

  it('refuses to go on from other words', async () => {
    const [loaded] = problems;
    await expect(draw(world, loaded as LoadedProblem, [{ kind: null, text: 'Row 1: blank.' }], 1)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_TRACE_MALFORMED' }),
    );
  });

  it('has a judge that misses and raises alarms as often as told', async () => {
    const solutions = await Promise.all(
      [...world.problems(400)].map(async (loaded) => {
        const { answer: _, ...problem } = loaded.problem;
        const [solution] = (await draw(world, loaded, [], 1)).solutions;
        return { problem, images: [], steps: solution?.steps ?? [] };
      }),
    );
    const { reviews } = await world.judge({ missed: 0.25, falseAlarms: 0.05 }).review(solutions, { seed: 1 });
    let held = 0;
    let alarms = 0;
    let slips = 0;
    let caught = 0;
    reviews.forEach((review, i) => {
      if (!review.ok) throw review.error;
      const first = world.firstSlip(solutions[i]?.steps ?? []);
      review.value.verdicts.forEach((verdict, step) => {
        if (verdict === null || (first !== null && step > first)) return;
        if (step === first) {
          slips += 1;
          caught += verdict === -1 ? 1 : 0;
        } else {
          held += 1;
          alarms += verdict === -1 ? 1 : 0;
        }
      });
    });
    expect(Math.abs(alarms / held - 0.05)).toBeLessThan(5 * Math.sqrt((0.05 * 0.95) / held));
    expect(Math.abs(caught / slips - 0.75)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / slips));
  });
});
