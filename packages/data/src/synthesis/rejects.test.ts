import type { Judge, Policy, Review, Sampled } from '@vlprm/core/models';
import { rejectSchema, type Reject } from '@vlprm/core/records';
import { createMemoryLedger, VlprmError } from '@vlprm/core/runtime';
import { createScriptedJudge, createScriptedPolicy } from '@vlprm/core/testing';
import { describe, expect, it } from 'vitest';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import { rejectProblem, type ProblemRow } from '../problems/problem-source.ts';
import { countingRequest, synthesizeAll } from '../testing/counting-synthesis.ts';
import { countingJudge, countingPolicy, countingProblem, countingProblems } from '../testing/counting-world.ts';
import { synthesize, type SynthesisRequest, type SynthesisResult } from './synthesize.ts';

async function rejectsOf(result: SynthesisResult): Promise<Reject[]> {
  const rejects: Reject[] = [];
  for await (const problem of result.labelled()) rejects.push(...problem.rejects);
  for (const reject of rejects) expect(rejectSchema.parse(reject)).toEqual(reject);
  return rejects;
}

const answered = (i: number, answer: string | null): LoadedProblem => {
  const { problem, images } = countingProblem(i);
  return { problem: { ...problem, answer }, images };
};

/** Right at once, in one step. */
const plainPolicy = (): Policy =>
  createScriptedPolicy({
    script: ({ steps }) => ({ steps: steps.length > 0 ? [] : [{ kind: null, text: 's' }], finalAnswer: '3' }),
  });

const plainJudge = (review: (steps: number) => Review | Error): Judge => ({
  ...countingJudge(),
  review: async (solutions) => ({
    reviews: solutions.map(({ steps }): Sampled<Review> => {
      const value = review(steps.length);
      return value instanceof Error ? { ok: false, error: value } : { ok: true, value };
    }),
    usage: { calls: solutions.length, promptTokens: 0, completionTokens: 0, usd: 0 },
  }),
});

describe('a row that cannot be labelled is set aside, and the run goes on', () => {
  const broken = new VlprmError('ERR_IMAGE_DECODE', 'half an image', { where: 'p.jsonl:3: a.png' });
  const rows: ProblemRow[] = [
    countingProblem(1),
    answered(2, null),
    answered(3, '   '),
    { ...countingProblem(1), where: 'p.jsonl:9' },
    { reject: rejectProblem('p4', broken) },
    countingProblem(5),
  ];

  it('before any call: no answer, an answer that is none, an id twice, an image that is none', async () => {
    const policy = countingPolicy();
    const result = await synthesizeAll(countingRequest({ problems: rows, policy }));
    expect(await rejectsOf(result)).toMatchObject(
      [
        ...(await rejectsOf(await synthesize(countingRequest({ problems: [countingProblem(1)] })))),
        { stage: 'problem', problemId: 'problem-2', sample: null, code: 'ERR_DATASET_INVALID' },
        { stage: 'problem', problemId: 'problem-3', code: 'ERR_DATASET_INVALID' },
        { stage: 'problem', problemId: 'problem-1', code: 'ERR_DATASET_INVALID', where: 'p.jsonl:9' },
        { stage: 'problem', problemId: 'p4', code: 'ERR_IMAGE_DECODE', where: 'p.jsonl:3: a.png' },
        ...(await rejectsOf(await synthesize(countingRequest({ problems: [countingProblem(5)] })))),
      ].map((reject) => ({ ...reject, reason: expect.any(String) as string })),
    );
    expect(result.summary.problems).toEqual({ done: 2, setAside: 4, unfinished: 0 });
    expect(result.summary.rejects).toMatchObject({ ERR_DATASET_INVALID: 3, ERR_IMAGE_DECODE: 1 });
    const good = [countingProblem(1), countingProblem(5)];
    expect(result.traces).toEqual((await synthesizeAll(countingRequest({ problems: good }))).traces);
    const asked = new Set(policy.calls.flatMap(({ prefixes }) => prefixes.map(({ problem }) => problem.id)));
    expect([...asked].sort()).toEqual(['problem-1', 'problem-5']);
  });

  it('a policy that ignores the step format: every sample, with a reason, none of them a trace', async () => {
    const policy = createScriptedPolicy({ script: () => 'The answer is surely 3.' });
    const result = await synthesizeAll(countingRequest({ problems: [countingProblem(3)], policy }));
    expect(result.traces).toEqual([]);
    expect(await rejectsOf(result)).toEqual(
      [0, 1, 2].map((sample) => ({
        schema: 'vlprm.reject/1',
        stage: 'sample',
        problemId: 'problem-3',
        sample,
        code: 'ERR_TRACE_EMPTY',
        reason: 'no step can be read in what the policy wrote',
        where: null,
      })),
    );
    expect(result.summary).toMatchObject({ samples: { failed: 0, unreadable: 3 }, rejects: { ERR_TRACE_EMPTY: 3 } });
  });

  it.each<[string, Review | Error, string, 'failed' | 'unparsable']>([
    ['other steps than asked', { verdicts: [1, 1], firstError: null }, 'ERR_STEP_COUNT', 'unparsable'],
    ['a first error that its verdicts do not show', { verdicts: [1], firstError: 0 }, 'ERR_MODEL_FAILED', 'failed'],
    ['a review that is not of this project', new Error('boom'), 'ERR_MODEL_FAILED', 'failed'],
    ['no verdict', new VlprmError('ERR_ANSWER_MALFORMED', 'no verdict'), 'ERR_ANSWER_MALFORMED', 'unparsable'],
    ['a filter', new VlprmError('ERR_CONTENT_FILTER', 'withheld'), 'ERR_CONTENT_FILTER', 'failed'],
  ])('a judge that answers with %s: the review is set aside, and nobody reviewed', async (_, review, code, kind) => {
    const judges = [plainJudge(() => review)];
    const result = await synthesizeAll(
      countingRequest({ problems: [countingProblem(3)], policy: plainPolicy(), judges }),
    );
    expect(result.traces.map(({ consensus }) => consensus)).toMatchObject(
      Array(3).fill({ kept: false, reason: 'no-judge-verdict' }),
    );
    expect(
      result.traces.every(({ steps }) => steps.every(({ judge, label }) => judge.length === 0 && label === null)),
    ).toBe(true);
    expect(await rejectsOf(result)).toMatchObject(
      [0, 1, 2].map((sample) => ({ stage: 'judge', sample, code, where: 'counting-judge' })),
    );
    expect(result.summary.reviews).toEqual({ total: 3, failed: 0, unparsable: 0, reread: 0, [kind]: 3 });
  });

  it('counts answers that had to be asked for again', async () => {
    const judges = [plainJudge((steps) => ({ verdicts: Array<1>(steps).fill(1), firstError: null, unreadable: 2 }))];
    const { summary } = await synthesizeAll(
      countingRequest({ problems: [countingProblem(3)], policy: plainPolicy(), judges }),
    );
    expect(summary.reviews).toEqual({ total: 3, failed: 0, unparsable: 0, reread: 6 });
  });
});

describe('too many rejects', () => {
  const policy = () =>
    createScriptedPolicy({
      script: ({ problem, steps }) =>
        Number(problem.id.slice(8)) % 3 === 0
          ? { steps: steps.length > 0 ? [] : [{ kind: null, text: 's' }], finalAnswer: '3' }
          : new VlprmError('ERR_CONTENT_FILTER', `filter ${Number(problem.id.slice(8)) % 12}`),
    });
  const request = (fields: Partial<SynthesisRequest> = {}): SynthesisRequest =>
    countingRequest({
      problems: countingProblems(200),
      policy: policy(),
      judges: [],
      rule: 'mc0',
      options: { tracesPerProblem: 2, rolloutsPerStep: 1, concurrency: 4 },
      ...fields,
    });

  it('stop the run early, with the reasons; a higher limit goes on with what was done', async () => {
    const ledger = createMemoryLedger();
    const stopped = policy();
    const { exhausted } = await synthesize(request({ ledger, policy: stopped }));
    expect(exhausted).toMatchObject({ code: 'ERR_TOO_MANY_REJECTS', exitCode: 3 });
    const { message } = exhausted!;
    expect(message).toMatch(/^\d+ of 5\d solutions cannot be used, more than a share of 0\.5: /);
    expect(message).toMatch(/\d+ × ERR_CONTENT_FILTER: filter 1;/);
    expect(message.split(';')).toHaveLength(8);
    expect(stopped.calls.length).toBeLessThan(60);
    const again = policy();
    const options = { tracesPerProblem: 2, rolloutsPerStep: 1, maxRejectRate: 0.7 };
    const { summary } = await synthesize(request({ ledger, policy: again, options }));
    expect(summary).toMatchObject({ problems: { done: 200 }, samples: { failed: 266 }, traces: 134 });
    expect(summary.reused.sample).toBeGreaterThanOrEqual(25);
    expect(again.calls.length + stopped.calls.length).toBeLessThanOrEqual(200 + 67 + 4);
  });

  it('are told of ten reasons at most', async () => {
    const chatty = createScriptedPolicy({ script: ({ problem }) => new Error(problem.id) });
    const { exhausted } = await synthesize(request({ policy: chatty }));
    expect(exhausted?.message.split(';')).toHaveLength(10);
  });

  it('are found at the end of a run too small to be stopped, and of problems that are none', async () => {
    const small = request({
      problems: [countingProblem(1), countingProblem(3)],
      policy: policy(),
      options: { tracesPerProblem: 1 },
    });
    expect((await synthesize(small)).summary.samples.failed).toBe(1);
    const worse = { ...small, problems: [...(small.problems as LoadedProblem[]), countingProblem(2)] };
    expect((await synthesize(worse)).exhausted).toMatchObject({ code: 'ERR_TOO_MANY_REJECTS' });
    expect((await synthesize(request({ problems: [answered(1, null)] }))).exhausted).toMatchObject({
      code: 'ERR_TOO_MANY_REJECTS',
    });
  });

  it('counts a solution that no judge could review, and one that some judge could not', async () => {
    const failing = createScriptedJudge({ name: 'failing', script: () => new Error('no') });
    const fine = createScriptedJudge({ name: 'fine', script: () => null });
    const few = {
      problems: countingProblems(40),
      policy: plainPolicy(),
      rule: 'judge',
      options: { rolloutsPerStep: 0 },
    };
    expect((await synthesize(request({ ...few, judges: [failing] }))).exhausted).toMatchObject({
      code: 'ERR_TOO_MANY_REJECTS',
    });
    const { summary } = await synthesize(request({ ...few, judges: [failing, fine] }));
    expect(summary).toMatchObject({ kept: 160, reviews: { total: 320, failed: 160 } });
  });

  it('are all told where an offline judge had not begun', async () => {
    const judge = { ...createScriptedJudge({ script: () => null }), preferredBatch: 50 };
    const result = await synthesize(request({ judges: [judge], rule: 'hybrid' }));
    expect(result.exhausted).toMatchObject({ code: 'ERR_TOO_MANY_REJECTS' });
    expect(judge.calls).toEqual([]);
    const rejects = await rejectsOf(result);
    expect(rejects.length).toBeGreaterThan(25);
    expect(result.summary.rejects).toEqual({ ERR_CONTENT_FILTER: rejects.length });
    expect(result.summary.problems).toEqual({ done: 0, setAside: 0, unfinished: 200 });
  });
});

it('what is set aside of a problem that the budget did not finish is told as well', async () => {
  const half = createScriptedPolicy({
    script: ({ problem }, i) =>
      i > 0 && Number(problem.id.slice(8)) % 2 === 0
        ? { steps: [{ kind: null, text: 's' }], finalAnswer: '3' }
        : new VlprmError('ERR_CONTENT_FILTER', 'withheld'),
  });
  const policy: Policy = {
    ...half,
    propose: async (prefixes, ...call) => {
      if (prefixes.some(({ steps }) => steps.length > 0)) throw new VlprmError('ERR_BUDGET', 'spent');
      return half.propose(prefixes, ...call);
    },
  };
  const result = await synthesizeAll(countingRequest({ problems: countingProblems(20), policy }));
  expect(result.exhausted).toMatchObject({ code: 'ERR_BUDGET' });
  const rejects = await rejectsOf(result);
  expect(rejects).toHaveLength(10 * 3 + 10);
  expect(result.summary.rejects).toEqual({ ERR_CONTENT_FILTER: 40 });
  expect(result.summary.problems).toEqual({ done: 10, setAside: 0, unfinished: 10 });
});
