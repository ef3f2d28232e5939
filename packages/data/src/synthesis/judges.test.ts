import type { Judge } from '@vlprm/core/models';
import { createEvents, createMemoryLedger, sleep, VlprmError } from '@vlprm/core/runtime';
import { createScriptedJudge, type ScriptedJudge } from '@vlprm/core/testing';
import { describe, expect, it } from 'vitest';
import { countingOptions, countingRequest, synthesizeAll } from '../testing/counting-synthesis.ts';
import { countingJudge, countingProblems, isSlip } from '../testing/counting-world.ts';
import { synthesize } from './synthesize.ts';

const found = ({
  steps,
}: {
  steps: readonly { text: string; kind: null | 'perception' | 'reasoning' }[];
}): number | null => {
  const slip = steps.findIndex(isSlip);
  return slip < 0 ? null : slip;
};
const exact = (name: string): ScriptedJudge => createScriptedJudge({ name, script: found });
/** Sees an error where there is none once in three reviews, by the seed of its vote. */
const fickle = (): ScriptedJudge =>
  createScriptedJudge({
    name: 'fickle',
    script: (solution, random) => (random.uniform() < 0.33 ? 0 : found(solution)),
  });
const wanting = <J extends Judge>(judge: J, preferredBatch: number): J => ({ ...judge, preferredBatch });

describe('several judges and votes', () => {
  it('are recorded one by one, in the order of the judges', async () => {
    const judges = [exact('a'), fickle()];
    const { traces, summary } = await synthesizeAll(
      countingRequest({ judges, rule: 'judge', options: { ...countingOptions, votes: 3 } }),
    );
    const names = ['a', 'a#2', 'a#3', 'fickle', 'fickle#2', 'fickle#3'];
    for (const { steps, provenance } of traces) {
      expect(provenance.judges).toEqual(names);
      for (const step of steps) expect(step.judge.map(({ by }) => by)).toEqual(names);
    }
    const readings = traces.map(({ steps }) =>
      [3, 4, 5].map((vote) => steps.findIndex((step) => step.judge[vote]?.verdict === -1)),
    );
    expect(readings.some(([one, two, three]) => one !== two || two !== three)).toBe(true);
    expect(summary.reviews).toMatchObject({ total: 6 * traces.length, failed: 0 });
    expect(summary.usage.judge.calls).toBe(6 * traces.length);
  });

  it('share their rows with a run of fewer', async () => {
    const ledger = createMemoryLedger();
    await synthesize(countingRequest({ ledger, judges: [exact('a')] }));
    const again = exact('a');
    const { summary } = await synthesize(
      countingRequest({ ledger, judges: [again, exact('b')], options: { ...countingOptions, votes: 2 } }),
    );
    expect(summary.reused).toEqual({ sample: 10, estimate: 10, judge: 10 });
    expect(again.calls).toHaveLength(10);
  });

  it('end with the first that throws, and wait for the others', async () => {
    let ended = false;
    const slow: Judge = {
      ...exact('slow'),
      review: async (_solutions, _options, signal) => {
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        ended = true;
        throw new VlprmError('ERR_ABORTED', 'stopped');
      },
    };
    const refused: Judge = { ...exact('refused'), review: () => Promise.reject(new VlprmError('ERR_AUTH', 'no key')) };
    await expect(synthesize(countingRequest({ judges: [slow, refused] }))).rejects.toMatchObject({ code: 'ERR_AUTH' });
    expect(ended).toBe(true);
  });

  it('are waited for when the budget of another is spent: their reviews are paid for', async () => {
    const ledger = createMemoryLedger();
    const paid = exact('slow');
    const slow: Judge = {
      ...paid,
      review: async (solutions, options, signal) => {
        await sleep(5, signal);
        return paid.review(solutions, options, signal);
      },
    };
    const poor: Judge = { ...exact('poor'), review: () => Promise.reject(new VlprmError('ERR_BUDGET', 'spent')) };
    const stopped = await synthesize(countingRequest({ ledger, judges: [poor, slow] }));
    expect(stopped.exhausted).toMatchObject({ code: 'ERR_BUDGET' });
    expect(paid.calls).toHaveLength(10);
    await synthesize(countingRequest({ ledger, judges: [exact('poor'), slow] }));
    expect(paid.calls).toHaveLength(10);
  });
});

describe('a judge that wants many solutions in one call', () => {
  it('is asked after the sampling in calls of that many, and gives the same traces', async () => {
    const offline = wanting(exact('a'), 8);
    const online = await synthesizeAll(countingRequest({ judges: [exact('a')] }));
    const result = await synthesizeAll(countingRequest({ judges: [offline] }));
    expect(result.traces).toEqual(online.traces);
    expect(result.summary).toEqual(online.summary);
    const sizes = offline.calls.map(({ solutions }) => solutions.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
    expect(sizes.slice(0, -1).every((size) => size > 8 - countingOptions.tracesPerProblem)).toBe(true);
    expect(sizes.reduce((a, b) => a + b)).toBe(result.traces.length);
  });

  it('works beside one that is asked at once', async () => {
    const both = (second: Judge) =>
      countingRequest({ judges: [exact('a'), second], options: { ...countingOptions, votes: 2 } });
    const mixed = await synthesizeAll(both(wanting(fickle(), 1000)));
    const online = await synthesizeAll(both(fickle()));
    expect(mixed.traces).toEqual(online.traces);
    expect(mixed.summary).toEqual(online.summary);
  });

  it('goes on where it stopped, with full calls', async () => {
    const ledger = createMemoryLedger();
    const judge = wanting(exact('a'), 8);
    const controller = new AbortController();
    const stopping: Judge = {
      ...judge,
      review: async (...call) => {
        const reviewed = await judge.review(...call);
        if (judge.calls.length === 2) controller.abort();
        return reviewed;
      },
    };
    const aborted = synthesize(countingRequest({ ledger, judges: [stopping], signal: controller.signal }));
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    const again = wanting(exact('a'), 8);
    const resumed = await synthesizeAll(countingRequest({ ledger, judges: [again] }));
    expect(resumed.traces).toEqual((await synthesizeAll(countingRequest({ judges: [exact('a')] }))).traces);
    const first = judge.calls[0]?.solutions.length ?? 0;
    const asked = again.calls.reduce((sum, { solutions }) => sum + solutions.length, 0);
    expect(first + asked).toBe(resumed.traces.length);
  });

  it('stops at the budget with the problems that it has reviewed', async () => {
    const judge = wanting(exact('a'), 8);
    const poor: Judge = {
      ...judge,
      review: (...call) =>
        judge.calls.length < 2 ? judge.review(...call) : Promise.reject(new VlprmError('ERR_BUDGET', 'spent')),
    };
    const result = await synthesizeAll(countingRequest({ judges: [poor] }));
    expect(result.exhausted).toMatchObject({ code: 'ERR_BUDGET' });
    const { done, unfinished } = result.summary.problems;
    expect(done).toBeGreaterThan(2);
    expect(done + unfinished).toBe(10);
    expect(result.summary.traces).toBe(result.traces.length);
    expect(new Set(result.traces.map(({ problemId }) => problemId)).size).toBe(done);
  });

  it('is stopped when most of its reviews fail', async () => {
    const failing = wanting(createScriptedJudge({ script: () => new Error('no') }), 60);
    const options = { ...countingOptions, maxRejectRate: 0.5 };
    const stopped = await synthesize(countingRequest({ problems: countingProblems(200), judges: [failing], options }));
    expect(stopped.exhausted).toMatchObject({ code: 'ERR_TOO_MANY_REJECTS' });
    expect(failing.calls.length).toBe(1);
  });

  it('tells its progress in problems', async () => {
    const events = createEvents();
    const seen: number[] = [];
    events.on('progress', ({ stage, done, total }) => {
      expect(total).toBe(10);
      if (stage === 'judge') seen.push(done);
    });
    const judges = [countingJudge(), wanting(exact('a'), 8), wanting(exact('b'), 8)];
    await synthesize(countingRequest({ events, judges }));
    expect(seen).toEqual(Array.from({ length: 11 }, (_, i) => i));
  });
});
