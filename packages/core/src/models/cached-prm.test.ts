import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { prefixPrm, solutionOf } from '../testing/index.ts';
import type { Step } from '../records/index.ts';
import { withStepScoreCache } from './cached-prm.ts';
import { createStepScoreCache } from './step-score-cache.ts';

const OPTIONS = { identity: 'test', temperature: 1 };
const step = fc.constantFrom('a', 'b', 'c').map((text): Step => ({ kind: 'reasoning', text }));
const solution = fc
  .tuple(fc.constantFrom('p', 'q'), fc.array(step, { minLength: 1, maxLength: 4 }))
  .map(([question, steps]) => solutionOf(steps, { question, id: question }));
const batches = fc.array(fc.array(solution, { maxLength: 4 }), { maxLength: 6 });

describe('a PRM with a step-score cache', () => {
  test.prop([batches, fc.constantFrom(320, 3200, 64_000)])(
    'gives the scores that it gives without, whatever the order and overlap of requests',
    async (asked, maxBytes) => {
      const bare = prefixPrm();
      const cached = withStepScoreCache(prefixPrm({ delayMs: 0 }), createStepScoreCache({ maxBytes }), OPTIONS);
      const together = await Promise.all(asked.map((solutions) => cached.scoreSteps(solutions)));
      for (const [index, { scores }] of together.entries()) {
        const expected = (await bare.scoreSteps(asked[index]!)).scores;
        expect(scores.map(({ logits }) => logits)).toEqual(expected.map(({ logits }) => logits));
        scores.forEach(({ probabilities }, place) =>
          probabilities.forEach((p, at) => expect(p).toBeCloseTo(expected[place]!.probabilities[at]!, 6)),
        );
      }
    },
  );

  it('reads what is new alone, and counts that', async () => {
    const prm = prefixPrm();
    const cached = withStepScoreCache(prm, createStepScoreCache(), OPTIONS);
    const [short, long] = [1, 2].map((count) =>
      solutionOf(
        [
          { kind: null, text: 'x' },
          { kind: null, text: 'y' },
        ].slice(0, count),
      ),
    );
    expect(await cached.scoreSteps([short!])).toMatchObject({ forwards: 1, scores: [{ tokens: 1 }] });
    expect(await cached.scoreSteps([short!, long!])).toMatchObject({
      forwards: 1,
      scores: [{ tokens: 0 }, { tokens: 2 }],
    });
    expect(await cached.scoreSteps([long!, short!])).toMatchObject({ forwards: 0, usage: { calls: 0 } });
    expect(prm.calls.map((solutions) => solutions.length)).toEqual([1, 1]);
  });

  it('calibrates what it has kept by its own temperature', async () => {
    const cache = createStepScoreCache();
    const one = solutionOf([{ kind: null, text: 'x' }]);
    const [hot] = (await withStepScoreCache(prefixPrm(), cache, OPTIONS).scoreSteps([one])).scores;
    const [cold] = (await withStepScoreCache(prefixPrm(), cache, { ...OPTIONS, temperature: 4 }).scoreSteps([one]))
      .scores;
    expect(cold!.logits).toEqual(hot!.logits);
    expect(cold!.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-hot!.logits[0]! / 4)), 6);
  });

  it('refuses scores that do not fit the steps', async () => {
    const prm = prefixPrm();
    const scoreSteps: typeof prm.scoreSteps = async (solutions) =>
      prm.scoreSteps(solutions.map((own) => ({ ...own, steps: own.steps.slice(1) })));
    const cached = withStepScoreCache({ ...prm, scoreSteps }, createStepScoreCache(), OPTIONS);
    const two = solutionOf([
      { kind: null, text: 'x' },
      { kind: null, text: 'y' },
    ]);
    await expect(cached.scoreSteps([two])).rejects.toMatchObject({ code: 'ERR_STEP_COUNT' });
  });
});
