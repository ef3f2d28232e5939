import assert from 'node:assert/strict';
import type { ProcessRewardModel, StepScores } from '../../models/ports.ts';
import { abortBehaviours, assertCode, assertUsage, closeBehaviour, type Behaviour, type Subject } from './behaviour.ts';

type PrmSubject = Subject<ProcessRewardModel>;

const scoresOf = async ({ model }: PrmSubject, solutions: PrmSubject['solutions']): Promise<StepScores[]> =>
  (await model.scoreSteps(solutions)).scores;

/** That two readings of the same steps, or of the first steps of the longer one, are one. */
function assertSame(one: StepScores, other: StepScores, tolerance: number): void {
  for (let step = 0; step < Math.min(one.probabilities.length, other.probabilities.length); step++) {
    const [p, q] = [one.probabilities[step]!, other.probabilities[step]!];
    assert(Math.abs(p - q) <= tolerance, `step ${step}: ${p} and ${q}`);
  }
}

/** What every PRM does. */
export const PRM_BEHAVIOURS: readonly Behaviour<ProcessRewardModel>[] = [
  {
    name: 'gives [solutions][steps] probabilities, with logits in the same order',
    check: async (subject) => {
      const scores = await scoresOf(subject, subject.solutions);
      assert.deepEqual(
        scores.map(({ probabilities, logits }) => [probabilities.length, logits.length]),
        subject.solutions.map(({ steps }) => [steps.length, steps.length]),
      );
      for (const { probabilities, logits, mass, tokens } of scores) {
        for (const p of probabilities) assert(p >= 0 && p <= 1, `p = ${p}`);
        for (const logit of logits) assert(Number.isFinite(logit), `logit = ${logit}`);
        for (const share of mass ?? []) assert(share >= 0 && share <= 1 + 1e-6, `mass = ${share}`);
        const byLogit = [...logits.keys()].sort((a, b) => logits[a]! - logits[b]!);
        byLogit.reduce((low, high) => {
          assert(probabilities[low]! <= probabilities[high]!);
          return high;
        });
        assert(tokens >= 0, `tokens = ${tokens}`);
      }
    },
  },
  {
    name: 'keeps the order of solutions, and scores each for itself',
    check: async (subject) => {
      const together = await scoresOf(subject, subject.solutions);
      const backwards = await scoresOf(subject, subject.solutions.toReversed());
      const [alone] = await scoresOf(subject, subject.solutions.slice(0, 1));
      together.forEach((scores, index) => assertSame(scores, backwards.at(-1 - index)!, subject.tolerance));
      assertSame(together[0]!, alone!, subject.tolerance);
    },
  },
  {
    name: 'scores a step by what stands before it alone',
    check: async (subject) => {
      const [solution] = subject.solutions;
      const [whole] = await scoresOf(subject, [solution!]);
      const [prefix] = await scoresOf(subject, [{ ...solution!, steps: solution!.steps.slice(0, 1) }]);
      assertSame(whole!, prefix!, subject.tolerance);
    },
  },
  {
    name: 'lets the image reach the model',
    check: async (subject) => {
      const [solution] = subject.solutions;
      const [own, other] = await scoresOf(subject, [solution!, { ...solution!, images: [subject.otherImage] }]);
      assert.notDeepEqual(own!.probabilities, other!.probabilities);
    },
  },
  {
    name: 'keeps its place among signs, line breaks and other scripts',
    check: async (subject) => {
      if (subject.tricky === null) return;
      const { steps } = subject.tricky;
      const [whole] = await scoresOf(subject, [subject.tricky]);
      const [prefix] = await scoresOf(subject, [{ ...subject.tricky, steps: steps.slice(0, -1) }]);
      assert.equal(whole!.probabilities.length, steps.length);
      assertSame(whole!, prefix!, subject.tolerance);
    },
  },
  {
    name: 'scores nothing for no solutions',
    check: async ({ model }) => {
      const { scores, forwards, usage } = await model.scoreSteps([]);
      assert.deepEqual([scores, forwards, usage.calls], [[], 0, 0]);
    },
  },
  {
    name: 'refuses a solution without steps',
    check: async ({ model, solutions }) => {
      await assertCode(model.scoreSteps([solutions[0]!, { ...solutions[1]!, steps: [] }]), 'ERR_TRACE_EMPTY');
    },
  },
  {
    name: 'reports what it has used',
    check: async ({ model, solutions }) => {
      const { forwards, usage } = await model.scoreSteps(solutions);
      assertUsage(usage);
      assert(forwards >= 1 && usage.calls >= forwards, `${forwards} forwards, ${usage.calls} calls`);
      assert.notEqual(usage.promptTokens, 0);
    },
  },
  ...abortBehaviours<ProcessRewardModel>(({ model, solutions }, signal) => model.scoreSteps(solutions, signal)),
  closeBehaviour(({ model, solutions }) => model.scoreSteps(solutions)),
];
