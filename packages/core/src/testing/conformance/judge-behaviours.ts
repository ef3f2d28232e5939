import assert from 'node:assert/strict';
import type { Judge, Review } from '../../models/ports.ts';
import { abortBehaviours, assertUsage, closeBehaviour, type Behaviour, type Subject } from './behaviour.ts';

const SEED = { seed: 3 };

async function review({ model }: Subject<Judge>, solutions: Subject<Judge>['solutions']): Promise<Review[]> {
  const { reviews } = await model.review(solutions, SEED);
  return reviews.map((sampled) => {
    if (sampled.ok) return sampled.value;
    throw sampled.error;
  });
}

/** What every judge does. */
export const JUDGE_BEHAVIOURS: readonly Behaviour<Judge>[] = [
  {
    name: 'gives one verdict a step, and none after the first error',
    check: async (subject) => {
      const reviews = await review(subject, subject.solutions);
      assert.deepEqual(
        reviews.map(({ verdicts }) => verdicts.length),
        subject.solutions.map(({ steps }) => steps.length),
      );
      for (const { verdicts, firstError } of reviews) {
        assert.equal(verdicts.indexOf(-1), firstError ?? -1);
        if (firstError !== null) assert(verdicts.slice(firstError + 1).every((verdict) => verdict === null));
      }
    },
  },
  {
    name: 'keeps the order of solutions, and reviews each for itself',
    check: async (subject) => {
      const together = await review(subject, subject.solutions);
      assert.deepEqual((await review(subject, subject.solutions.toReversed())).toReversed(), together);
      assert.deepEqual(await review(subject, subject.solutions.slice(0, 1)), together.slice(0, 1));
    },
  },
  {
    name: 'lets the image reach the model',
    check: async (subject) => {
      const [solution] = subject.solutions;
      const [own, other] = await review(subject, [solution!, { ...solution!, images: [subject.otherImage] }]);
      assert.notDeepEqual(own, other);
    },
  },
  {
    name: 'reads solutions full of signs and other scripts',
    check: async (subject) => {
      if (subject.tricky === null) return;
      const [own] = await review(subject, [subject.tricky]);
      assert.equal(own!.verdicts.length, subject.tricky.steps.length);
    },
  },
  {
    name: 'reviews nothing for no solutions',
    check: async ({ model }) => {
      const { reviews, usage } = await model.review([], SEED);
      assert.deepEqual([reviews, usage.calls], [[], 0]);
    },
  },
  {
    name: 'reports what it has used',
    check: async ({ model, solutions }) => {
      const { usage } = await model.review(solutions, SEED);
      assertUsage(usage);
      assert(usage.calls >= 1);
    },
  },
  ...abortBehaviours<Judge>(({ model, solutions }, signal) => model.review(solutions, SEED, signal)),
  closeBehaviour(({ model, solutions }) => model.review(solutions, SEED)),
];
