import { readFile } from 'node:fs/promises';
import type { Policy, Proposal } from '@vlprm/core/models';
import { createRandom } from '@vlprm/core/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WORLD_HASH } from './constants.ts';
import { EYES_FOLDER, openEyes } from './eyes.ts';
import { createPuzzleJudge } from './judge.ts';
import { createPuzzlePolicy } from './policy.ts';
import { generatePuzzles, presented, type Puzzle } from './puzzles.ts';
import { sceneHash, splitOf } from './scene.ts';
import { stepTruth } from './truth.ts';
import { workedSolution } from './worked-solution.ts';

const puzzles = generatePuzzles({ seed: 33, split: 'train', count: 240 });
let eyes: Awaited<ReturnType<typeof openEyes>>;

beforeAll(async () => {
  eyes = await openEyes();
});
afterAll(async () => {
  await eyes.close();
});

const sampled = async (policy: Policy, chosen: readonly Puzzle[], n: number): Promise<Proposal[][]> => {
  const prefixes = chosen.map((puzzle) => ({ ...presented(puzzle), steps: [] }));
  const { proposals } = await policy.propose(prefixes, { n, stop: 'end', seed: 9 });
  return proposals.map((own) => own.flatMap((sample) => (sample.ok ? [sample.value] : [])));
};

describe('the frozen world', () => {
  it('keeps its constants', () => {
    expect(WORLD_HASH).toBe('ca38d7669feb1f1d5007fb696c3ce343ac6edcc1a83d7855e3ed590e2841fa50');
  });

  it('keeps policy and judge in their bands', async () => {
    const rows = await sampled(createPuzzlePolicy(eyes.policy), puzzles, 16);
    const right = rows.map((own, i) => own.map(({ finalAnswer }) => finalAnswer === puzzles[i]?.problem.answer));
    const share = (flags: readonly boolean[]): number => flags.filter(Boolean).length / flags.length;
    expect(share(right.flat())).toBeGreaterThan(0.55);
    expect(share(right.flat())).toBeLessThan(0.75);
    expect(share(right.map((own) => own.includes(true)))).toBeGreaterThanOrEqual(0.95);
    const solutions = puzzles.flatMap((puzzle, i) =>
      (rows[i] ?? []).slice(0, 4).map(({ steps }) => ({ ...presented(puzzle), steps, scene: puzzle.scene })),
    );
    const { reviews } = await createPuzzleJudge(eyes.judge).review(solutions, { seed: 1 });
    const exact = reviews.map((review, i) => {
      const solution = solutions[i];
      return (
        review.ok &&
        solution !== undefined &&
        review.value.firstError === stepTruth(solution.scene, solution.steps).firstError
      );
    });
    expect(share(exact)).toBeGreaterThan(0.79);
    expect(share(exact)).toBeLessThan(0.91);
  }, 60_000);

  it('was made from scenes of split base only', async () => {
    const seen = JSON.parse(await readFile(new URL('groups-seen.json', EYES_FOLDER), 'utf8')) as string[];
    expect(seen.length).toBeGreaterThan(1000);
    expect(seen.filter((hash) => splitOf(hash) !== 'base')).toEqual([]);
    const base = new Set(seen);
    expect(puzzles.filter(({ scene }) => base.has(sceneHash(scene)))).toEqual([]);
  });
});

describe('the policy', () => {
  it('gives the same samples for the same seed, whatever stands beside them in the batch', async () => {
    const policy = createPuzzlePolicy(eyes.policy);
    const together = await sampled(policy, puzzles.slice(0, 12), 4);
    const alone = await sampled(policy, puzzles.slice(5, 6), 4);
    expect(alone[0]).toEqual(together[5]);
    expect((await sampled(policy, puzzles.slice(5, 6), 2))[0]).toEqual(together[5]?.slice(0, 2));
  });

  it('continues a prefix without touching it, step by step to an answer', async () => {
    const policy = createPuzzlePolicy(eyes.policy);
    for (const puzzle of puzzles.slice(0, 12)) {
      const steps = [];
      for (let place = 0; place < 6; place++) {
        const { proposals } = await policy.propose([{ ...presented(puzzle), steps }], { n: 1, stop: 'step', seed: 2 });
        const sample = proposals[0]?.[0];
        if (sample?.ok !== true) throw new Error('no sample');
        expect(sample.value.steps).toHaveLength(1);
        expect(sample.value.ended).toBe(place === 5);
        expect(sample.value.finalAnswer !== null).toBe(place === 5);
        steps.push(...sample.value.steps);
      }
      expect(steps.map(({ kind }) => kind)).toEqual([
        'perception',
        'perception',
        'perception',
        'reasoning',
        'reasoning',
        'reasoning',
      ]);
    }
  });

  it('mostly reaches the answer from a right prefix and seldom from a wrong deduction', async () => {
    const policy = createPuzzlePolicy(eyes.policy);
    const prefixes = puzzles.map((puzzle) => ({
      ...presented(puzzle),
      steps: workedSolution(puzzle.scene, createRandom(1)).slice(0, 5),
    }));
    const { proposals } = await policy.propose(prefixes, { n: 4, stop: 'end', seed: 3 });
    const right = proposals.flatMap((own, i) =>
      own.map((sample) => sample.ok && sample.value.finalAnswer === puzzles[i]?.problem.answer),
    );
    expect(right.filter(Boolean).length / right.length).toBeGreaterThan(0.93);
  });

  it('fails by type, not by a guess, on foreign questions and foreign steps', async () => {
    const policy = createPuzzlePolicy(eyes.policy);
    const [puzzle] = puzzles;
    if (puzzle === undefined) throw new Error('no puzzle');
    const shown = presented(puzzle);
    const { proposals } = await policy.propose(
      [
        { ...shown, problem: { ...shown.problem, question: 'How many dogs are there?' }, steps: [] },
        { ...shown, steps: [{ kind: 'perception', text: 'I see a dog.' }] },
        { ...shown, steps: [] },
      ],
      { n: 2, stop: 'end', seed: 1 },
    );
    expect(proposals.map((own) => own.map((sample) => sample.ok))).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it('is stopped by a signal and refuses a broken image', async () => {
    const policy = createPuzzlePolicy(eyes.policy);
    const [puzzle] = puzzles;
    if (puzzle === undefined) throw new Error('no puzzle');
    const prefix = { ...presented(puzzle), steps: [] };
    await expect(policy.propose([prefix], { n: 1, stop: 'end', seed: 1 }, AbortSignal.abort())).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
    const broken = { ...prefix, images: [new Uint8Array([1, 2, 3])] };
    await expect(policy.propose([broken], { n: 1, stop: 'end', seed: 1 })).rejects.toMatchObject({
      code: 'ERR_IMAGE_DECODE',
    });
  });
});

describe('the judge', () => {
  it('stops at the first error that it finds and says nothing about later steps', async () => {
    const judge = createPuzzleJudge(eyes.judge);
    const policy = createPuzzlePolicy(eyes.policy);
    const rows = await sampled(policy, puzzles.slice(0, 60), 4);
    const solutions = rows.flatMap((own, i) => own.map(({ steps }) => ({ ...presented(puzzles[i] as Puzzle), steps })));
    const { reviews } = await judge.review(solutions, { seed: 4 });
    for (const review of reviews) {
      if (!review.ok) throw review.error;
      const { verdicts, firstError } = review.value;
      const end = firstError ?? verdicts.length;
      expect(verdicts.slice(0, end).every((verdict) => verdict === 1)).toBe(true);
      expect(verdicts.slice(end)).toEqual(
        firstError === null ? [] : [-1, ...Array.from({ length: verdicts.length - end - 1 }, () => null)],
      );
    }
    expect((await judge.review(solutions, { seed: 4 })).reviews).toEqual(reviews);
  });

  it('refuses a solution that it cannot read', async () => {
    const [puzzle] = puzzles;
    if (puzzle === undefined) throw new Error('no puzzle');
    const { reviews } = await createPuzzleJudge(eyes.judge).review(
      [{ ...presented(puzzle), steps: [{ kind: null, text: 'It is five.' }] }],
      { seed: 1 },
    );
    expect(reviews[0]).toMatchObject({ ok: false, error: { code: 'ERR_TRACE_MALFORMED' } });
  });
});
