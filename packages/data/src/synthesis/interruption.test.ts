import { fc, test } from '@fast-check/vitest';
import type { Judge, Policy } from '@vlprm/core/models';
import { createMemoryLedger, VlprmError, type Ledger } from '@vlprm/core/runtime';
import { createScriptedJudge, createScriptedPolicy } from '@vlprm/core/testing';
import { describe, expect } from 'vitest';
import { RULE_NAMES } from '../consensus/index.ts';
import { countingOptions, countingRequest, synthesizeAll } from '../testing/counting-synthesis.ts';
import { countingJudge, countingPolicy, countingProblems, isSlip } from '../testing/counting-world.ts';
import { ESTIMATOR_NAMES } from './estimators/index.ts';
import { synthesize, type SynthesisRequest } from './synthesize.ts';

const RUNS = 25;

/** Calls `interrupt` before the k-th call that any of the models gets, from 0. */
function interruptedModels(
  k: number,
  offline: boolean,
  interrupt: () => void,
): Pick<SynthesisRequest, 'policy' | 'judges'> {
  let calls = 0;
  const count = (): void => {
    if (calls++ >= k) interrupt();
  };
  const policy = countingPolicy();
  const judge = countingJudge();
  return {
    policy: { ...policy, propose: async (...call) => (count(), policy.propose(...call)) } satisfies Policy,
    judges: [
      {
        ...judge,
        review: async (...call) => (count(), judge.review(...call)),
        ...(offline && { preferredBatch: 5 }),
      } satisfies Judge,
    ],
  };
}

/** A ledger that remembers which rows were put a second time: their work was paid twice. */
function watchedLedger(ledger: Ledger): { ledger: Ledger; repeated: string[] } {
  const known = new Set<string>();
  const repeated: string[] = [];
  return {
    repeated,
    ledger: {
      ...ledger,
      putMany: async (entries) => {
        for (const { key } of entries) {
          if (known.has(key)) repeated.push(key);
          known.add(key);
        }
        await ledger.putMany(entries);
      },
    },
  };
}

const run = fc.record({
  estimator: fc.constantFrom(...ESTIMATOR_NAMES),
  votes: fc.integer({ min: 1, max: 2 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  rolloutsPerProblem: fc.constantFrom(null, 20),
  offline: fc.boolean(),
});
const kind = fc.constantFrom('abort', 'budget', 'fault');

describe('a run that is interrupted', () => {
  test.prop([run, fc.array(fc.tuple(kind, fc.nat(12)), { minLength: 1, maxLength: 3 })], { numRuns: RUNS })(
    'again and again, gives what an undisturbed run gives, and computes no row twice',
    async ({ offline, ...fields }, interruptions) => {
      const options = { ...countingOptions, ...fields, tracesPerProblem: 2, rolloutsPerStep: 3 };
      const request = { problems: countingProblems(4), options };
      const undisturbed = await synthesizeAll(countingRequest(request));
      const { ledger, repeated } = watchedLedger(createMemoryLedger());
      for (const [how, k] of interruptions) {
        const controller = new AbortController();
        const models = interruptedModels(k, offline, () => {
          if (how === 'abort') controller.abort();
          else if (how === 'budget') throw new VlprmError('ERR_BUDGET', 'spent');
          else throw new Error('the power is gone');
        });
        const stopped = { ...request, ...models, ledger, signal: controller.signal };
        const result = await synthesizeAll(countingRequest(stopped)).catch((error: unknown) => error);
        if (result instanceof Error) continue;
        const { traces, summary } = result as typeof undisturbed;
        const ids = new Set(traces.map(({ problemId }) => problemId));
        expect(traces).toEqual(undisturbed.traces.filter(({ problemId }) => ids.has(problemId)));
        expect(summary.problems.done + summary.problems.unfinished).toBe(4);
      }
      const models = interruptedModels(Infinity, offline, () => undefined);
      const resumed = await synthesizeAll(countingRequest({ ...request, ...models, ledger }));
      expect(resumed.traces).toEqual(undisturbed.traces);
      expect(repeated).toEqual([]);
      expect({ ...resumed.summary, reused: null }).toEqual({ ...undisturbed.summary, reused: null });
    },
  );
});

describe('a failure never becomes a label', () => {
  const share = fc.constantFrom(0, 0.5, 0.9, 1);
  const rules = RULE_NAMES.filter((rule) => rule !== 'posterior');

  test.prop([run, fc.constantFrom(...rules), share, share, fc.nat(1000)], { numRuns: RUNS })(
    'whatever fails, every label stands on a rollout that came back or on a whole review',
    async ({ offline, ...fields }, rule, failedCalls, failedReviews, seed) => {
      const policy = createScriptedPolicy({
        script: ({ steps, problem }, _, random) => {
          if (steps.length > 0 && random.uniform() < failedCalls) return new VlprmError('ERR_TIMEOUT', 'no answer');
          const rest = [0, 1, 2].map((i) => ({ kind: null, text: random.uniform() < 0.3 ? `slip ${i}` : `step ${i}` }));
          const wrong = [...steps, ...rest].some(isSlip);
          const answer = problem.id.slice(8);
          return { steps: rest.slice(steps.length), finalAnswer: wrong ? `${answer}1` : answer };
        },
      });
      const judge = createScriptedJudge({
        script: ({ steps }, random) => {
          if (random.uniform() < failedReviews) return new VlprmError('ERR_ANSWER_MALFORMED', 'no verdict');
          const slip = steps.findIndex(isSlip);
          return slip < 0 ? null : slip;
        },
      });
      const options = { ...countingOptions, ...fields, seed, rolloutsPerStep: 3 };
      const judges = [offline ? { ...judge, preferredBatch: 4 } : judge];
      const { traces } = await synthesizeAll(
        countingRequest({ problems: countingProblems(3), policy, judges, rule, options }),
      );
      for (const { steps } of traces) {
        const reviewed = steps.some((step) => step.judge.length > 0);
        const completed = steps.some(({ mc }) => mc !== null && mc.correct + mc.incorrect + mc.unparsable > 0);
        for (const { label, origin, mc } of steps) {
          if (label === null) continue;
          if (origin === 'mc') expect(completed).toBe(true);
          else expect(reviewed).toBe(true);
          if (label === -1 && origin === 'mc') expect((mc?.incorrect ?? 0) + (mc?.unparsable ?? 0)).toBeGreaterThan(0);
        }
      }
    },
  );

  test.prop([fc.nat(2 ** 32)], { numRuns: 5 })(
    'a run whose every rollout and review failed has no label',
    async (seed) => {
      const policy = createScriptedPolicy({
        script: ({ steps }) =>
          steps.length > 0 ? new Error('no') : { steps: [{ kind: null, text: 's' }], finalAnswer: '1' },
      });
      const judges = [createScriptedJudge({ script: () => new Error('no') })];
      for (const rule of rules) {
        const options = { ...countingOptions, seed };
        const result = await synthesize(countingRequest({ policy, judges, rule, options }));
        expect(result.summary.kept).toBe(0);
        for await (const { traces } of result.labelled()) {
          expect(
            traces.flatMap(({ steps }) => steps.filter(({ label, soft }) => label !== null || soft !== null)),
          ).toEqual([]);
        }
      }
    },
  );
});
