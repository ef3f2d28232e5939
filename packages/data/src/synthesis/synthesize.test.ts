import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Judge, Policy } from '@vlprm/core/models';
import { traceSchema, type DatasetManifest, type Trace } from '@vlprm/core/records';
import { createEvents, createMemoryLedger, type Ledger } from '@vlprm/core/runtime';
import { createScriptedJudge, createScriptedPolicy } from '@vlprm/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetHash, openSqliteLedger, writeDataset } from '../storage/index.ts';
import { countingJudge, countingPolicy, countingProblem, countingProblems, isSlip } from '../testing/counting-world.ts';
import {
  countingOptions as options,
  countingRequest as request,
  synthesizeAll,
  type Whole,
} from '../testing/counting-synthesis.ts';
import { synthesize, type SynthesisRequest, type SynthesisResult } from './synthesize.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vlprm-synthesis-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function write(dir: string, { traces, rule }: Whole): Promise<DatasetManifest> {
  const pictures = new Map(countingProblems(10).map(({ problem, images }) => [problem.images[0]?.sha256, images[0]]));
  const images = ({ sha256 }: { sha256: string }): Uint8Array => pictures.get(sha256) as Uint8Array;
  return (await writeDataset({ dir, traces, rule, seed: options.seed, images })).manifest;
}

const answer = (finalAnswer: string | null) =>
  createScriptedPolicy({ script: () => ({ steps: [{ kind: null, text: 's' }], finalAnswer }) });

describe('what is gathered', () => {
  it('makes valid traces with counts for every step, in the order of problems and samples', async () => {
    const { traces, summary, rule } = await synthesizeAll(request());
    expect(rule).toEqual({ name: 'hybrid', threshold: 0 });
    for (const trace of traces) {
      expect(traceSchema.parse(trace)).toEqual(trace);
      for (const { mc } of trace.steps) {
        expect(mc?.budget).toBe(8);
        expect((mc?.correct ?? 0) + (mc?.incorrect ?? 0) + (mc?.unparsable ?? 0) + (mc?.failed ?? 0)).toBe(8);
      }
    }
    expect(traces.map(({ problemId }) => Number(problemId.slice(8)))).toEqual(
      traces.map(({ problemId }) => Number(problemId.slice(8))).sort((a, b) => a - b),
    );
    expect(new Set(traces.map(({ id }) => id)).size).toBe(traces.length);
    expect(summary).toMatchObject({
      problems: { done: 10, setAside: 0, unfinished: 0 },
      traces: traces.length,
      samples: { unreadable: 0 },
    });
    expect(summary.traces + summary.samples.failed).toBe(30);
    expect(summary.samples.failed).toBeGreaterThan(0);
    expect(summary.rollouts.failed).toBeGreaterThan(0);
    expect(summary.rollouts.unparsable).toBeGreaterThan(0);
  });

  it('finds a slip where it is: no continuation of it is right, and the judge stops there', async () => {
    const { traces } = await synthesizeAll(request());
    const slipped = traces.filter(({ steps, provenance }) => provenance.judges.length > 0 && steps.some(isSlip));
    expect(slipped.length).toBeGreaterThan(3);
    for (const trace of slipped) {
      const first = trace.steps.findIndex(isSlip);
      expect(trace.steps.slice(first).every(({ mc }) => mc?.correct === 0)).toBe(true);
      expect(trace.firstError).toBe(first);
      expect(trace.consensus).toMatchObject({ kept: true, reason: 'judge-incorrect' });
      expect(['incorrect', 'unparsable']).toContain(trace.outcome);
    }
  });

  it('keeps failed, unparsable and wrong apart', async () => {
    const replies = [new Error('filtered'), null, '4', '3'];
    const policy = createScriptedPolicy({
      script: ({ steps }, i) => {
        const reply = steps.length === 0 ? '3' : replies[i];
        if (reply instanceof Error) return reply;
        return { steps: steps.length === 0 ? [{ kind: null, text: 's' }] : [], finalAnswer: reply ?? null };
      },
    });
    const { traces, summary } = await synthesizeAll(
      request({ problems: [countingProblem(3)], policy, options: { tracesPerProblem: 1, rolloutsPerStep: 4 } }),
    );
    expect(traces[0]?.steps[0]?.mc).toEqual({ correct: 1, incorrect: 1, unparsable: 1, failed: 1, budget: 4 });
    expect(summary.rollouts).toEqual({ total: 4, failed: 1, unparsable: 1 });
  });

  it('never makes a label of calls that all failed', async () => {
    const script = () => new Error('rate limited');
    const policy = createScriptedPolicy({
      script: (prefix) =>
        prefix.steps.length > 0 ? script() : { steps: [{ kind: null, text: 's' }], finalAnswer: '3' },
    });
    const judge = createScriptedJudge({ script });
    for (const rule of ['mc0', 'mc50', 'judge', 'union', 'hybrid']) {
      const { traces, summary } = await synthesizeAll(
        request({ problems: [countingProblem(3)], policy, judges: [judge], rule }),
      );
      expect(traces).toHaveLength(3);
      expect(summary.reviews).toEqual({ total: 3, failed: 3, unparsable: 0, reread: 0 });
      for (const trace of traces) {
        expect(trace.consensus?.kept).toBe(false);
        expect(trace.steps.every(({ label, soft }) => label === null && soft === null)).toBe(true);
        expect(trace.steps.every((step) => step.judge.length === 0)).toBe(true);
      }
    }
  });

  it('makes no trace of a sample that failed or cannot be read, and counts both', async () => {
    const replies = ['no steps here', new Error('filtered'), '[Reasoning]\n<step_1>three</step_1>'];
    const policy = createScriptedPolicy({ script: ({ steps }, i) => (steps.length > 0 ? '' : (replies[i] ?? '')) });
    const { traces, summary } = await synthesizeAll(request({ problems: [countingProblem(3)], policy }));
    expect(traces).toHaveLength(1);
    expect(traces[0]).toMatchObject({ finalAnswer: null, outcome: 'unparsable', provenance: { sample: 2 } });
    expect(summary.samples).toEqual({ failed: 1, unreadable: 1 });
  });

  it('stops where too much is set aside, with the first reasons and what was done', async () => {
    const policy = createScriptedPolicy({ script: () => ({ steps: [], finalAnswer: '3' }) });
    const stopped = await synthesize(
      request({ problems: countingProblems(100), policy, options: { ...options, maxRejectRate: 0.2, concurrency: 1 } }),
    );
    expect(stopped.exhausted).toMatchObject({
      code: 'ERR_TOO_MANY_REJECTS',
      message: expect.stringMatching(/^51 of 51 .*51 × ERR_/) as string,
    });
    expect(stopped.summary.problems.done).toBe(17);
    const whole = await synthesize(request({ problems: countingProblems(5), policy }));
    expect(whole.exhausted).toBeNull();
  });

  it('shows the models no reference answer', async () => {
    const [policy, judge] = [countingPolicy(), countingJudge()];
    await synthesizeAll(request({ policy, judges: [judge] }));
    const shown = [...policy.calls.flatMap((call) => call.prefixes), ...judge.calls.flatMap((call) => call.solutions)];
    expect(shown.length).toBeGreaterThan(100);
    expect(shown.every(({ problem }) => !('answer' in problem))).toBe(true);
  });

  it('continues a prefix that several solutions share once', async () => {
    const policy = answer('3');
    const { traces, summary } = await synthesizeAll(request({ problems: [countingProblem(3)], policy }));
    expect(traces).toHaveLength(3);
    expect(policy.calls[1]?.prefixes).toHaveLength(1);
    expect(summary.rollouts.total).toBe(8);
    expect(traces.every(({ steps }) => steps[0]?.mc?.correct === 8)).toBe(true);
  });

  it('knows what it has cost', async () => {
    const ledger = createMemoryLedger();
    const [policy, judge] = [countingPolicy(), countingJudge()];
    const { summary } = await synthesizeAll(request({ policy, judges: [judge], ledger }));
    expect(summary.usage.sample.calls).toBe(30);
    expect(summary.usage.estimate.calls).toBe(summary.rollouts.total);
    expect(summary.usage.judge.calls).toBe(summary.traces);
    expect(summary.usage).toEqual(await ledger.usage());
  });

  it('works without a judge and without rollouts', async () => {
    const alone = await synthesizeAll(request({ judges: [], rule: 'mc0' }));
    expect(alone.traces.every(({ steps }) => steps.every(({ judge }) => judge.length === 0))).toBe(true);
    expect(alone.summary.kept).toBeGreaterThan(0);
    const reviewed = await synthesizeAll(request({ rule: 'judge', options: { ...options, rolloutsPerStep: 0 } }));
    expect(reviewed.traces.every(({ steps }) => steps.every(({ mc }) => mc === null))).toBe(true);
    expect(reviewed.summary.rollouts.total).toBe(0);
    expect(reviewed.summary.kept).toBeGreaterThan(0);
  });

  it('tells its progress up to the end of each stage', async () => {
    const events = createEvents();
    const seen: Record<string, number[]> = {};
    events.on('progress', ({ stage, done, total }) => {
      expect(total).toBe(10);
      (seen[stage] ??= []).push(done);
    });
    await synthesizeAll(request({ events, options: { ...options, concurrency: 1 } }));
    const each = Array.from({ length: 11 }, (_, i) => i);
    expect(seen).toEqual({ sample: each, estimate: each, judge: each });
  });
});

describe('a problem source', () => {
  it('is read as problems are needed, and anew for the labels', async () => {
    let taken = 0;
    let done = 0;
    let mostAhead = 0;
    let passes = 0;
    const problems = {
      async *[Symbol.asyncIterator]() {
        passes += 1;
        taken = done;
        for (let i = 0; i < 40; i++) {
          taken += 1;
          mostAhead = Math.max(mostAhead, taken - done);
          yield Promise.resolve(countingProblem(i));
        }
      },
    };
    const events = createEvents();
    events.on('progress', ({ stage, done: ended, total }) => {
      expect(total).toBe(null);
      if (stage === 'judge') done = ended;
    });
    const result = await synthesize(request({ problems, events, options: { ...options, concurrency: 3 } }));
    expect(passes).toBe(1);
    expect(mostAhead).toBeLessThanOrEqual(4);
    const rows: (string | undefined)[] = [];
    for await (const { loaded } of result.labelled()) rows.push(loaded?.problem.id);
    expect(rows).toEqual(countingProblems(40).map(({ problem }) => problem.id));
    expect(passes).toBe(2);
  });

  it('that breaks off ends the run with its error, and keeps what was done', async () => {
    const ledger = createMemoryLedger();
    async function* broken() {
      yield* countingProblems(5);
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw new Error('the disk is gone');
    }
    await expect(synthesize(request({ problems: broken(), ledger }))).rejects.toThrow('the disk is gone');
    const { summary } = await synthesizeAll(request({ ledger }));
    expect(summary.reused.judge).toBe(5);
  });
});

describe('determinism', () => {
  it('depends on the seed, and not on the concurrency', async () => {
    const reference = await synthesizeAll(request());
    const oneByOne = await synthesizeAll(request({ options: { ...options, concurrency: 1 } }));
    const text = ({ traces }: Whole): string => JSON.stringify(traces);
    expect(text(oneByOne)).toBe(text(reference));
    expect(text(await synthesizeAll(request({ options: { ...options, seed: 12 } })))).not.toBe(text(reference));
  });
});

/** A ledger that counts the puts it has acknowledged and fires an abort after some of them. */
function abortingLedger(ledger: Ledger, after: number, controller: AbortController): Ledger {
  let stored = 0;
  return {
    ...ledger,
    putMany: async (entries) => {
      await ledger.putMany(entries);
      stored += 1;
      if (stored === after) controller.abort();
    },
  };
}

describe('resuming', () => {
  let reference: DatasetManifest;
  beforeAll(async () => {
    reference = await write(join(root, 'reference'), await synthesizeAll(request()));
  });

  it.each([1, 2, 4, 7])(
    'after an abort at the %i. stored row gives byte-identical data, repeating nothing',
    async (after) => {
      const dir = join(root, `abort-${after}`);
      const ledger = openSqliteLedger(join(dir, 'ledger.sqlite'));
      const controller = new AbortController();
      const aborted = synthesize(
        request({ ledger: abortingLedger(ledger, after, controller), signal: controller.signal }),
      );
      await expect(aborted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
      const done = await ledger.usage();
      const [policy, judge] = [countingPolicy(), countingJudge()];
      const resumed = await synthesizeAll(request({ ledger, policy, judges: [judge] }));
      const manifest = await write(join(dir, 'dataset'), resumed);
      expect(manifest.files).toEqual(reference.files);
      expect(datasetHash(manifest)).toBe(datasetHash(reference));
      const asked = policy.calls.reduce((sum, { prefixes, options: { n } }) => sum + prefixes.length * n, 0);
      const before = (done['sample']?.calls ?? 0) + (done['estimate']?.calls ?? 0);
      expect(before + asked).toBe(resumed.summary.usage.sample.calls + resumed.summary.usage.estimate.calls);
      expect(resumed.summary.reused.sample).toBeGreaterThan(0);
      await ledger.close();
    },
  );

  it('asks no model when everything is done', async () => {
    const ledger = createMemoryLedger();
    const first = await synthesizeAll(request({ ledger }));
    const [policy, judge] = [countingPolicy(), countingJudge()];
    const again = await synthesizeAll(request({ ledger, policy, judges: [judge] }));
    expect(policy.calls).toEqual([]);
    expect(judge.calls).toEqual([]);
    expect(again.traces).toEqual(first.traces);
    expect(again.summary.usage).toEqual(first.summary.usage);
    expect(again.summary.reused).toEqual({ sample: 10, estimate: 10, judge: 10 });
  });

  it('goes on after a model that threw, and keeps the problems that were done', async () => {
    const ledger = createMemoryLedger();
    const oneAtATime = { ...options, concurrency: 1 };
    const failing = countingPolicy({ failCalls: [8] });
    await expect(synthesize(request({ ledger, policy: failing, options: oneAtATime }))).rejects.toThrow(
      'scripted failure',
    );
    const { summary, traces } = await synthesizeAll(request({ ledger, options: oneAtATime }));
    expect(summary.reused).toEqual({ sample: 4, estimate: 4, judge: 4 });
    expect(traces).toEqual((await synthesizeAll(request())).traces);
  });

  it('after SIGKILL gives byte-identical data', async () => {
    const dir = join(root, 'killed');
    const path = join(dir, 'ledger.sqlite');
    const script = fileURLToPath(new URL('../testing/synthesize-slowly.ts', import.meta.url));
    const slow = JSON.stringify({ ...options, concurrency: 1 });
    const child = spawn(process.execPath, ['--conditions=@vlprm/source', '--import', 'tsx', script, path, slow], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve());
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
        if (output.includes('estimate 4')) child.kill('SIGKILL');
      });
    });
    expect(child.signalCode).toBe('SIGKILL');
    expect(output).not.toContain('finished');
    const ledger = openSqliteLedger(path);
    const resumed = await synthesizeAll(request({ ledger }));
    await ledger.close();
    expect(resumed.summary.reused.estimate).toBeGreaterThanOrEqual(4);
    expect(resumed.summary.reused.estimate).toBeLessThan(10);
    expect((await write(join(dir, 'dataset'), resumed)).files).toEqual(reference.files);
  });
});

describe('bad input', () => {
  it.each<[string, Partial<SynthesisRequest>, string, string]>([
    ['no problem at a time', { options: { concurrency: 0 } }, 'ERR_RANGE', 'concurrency'],
    ['votes of nobody', { options: { votes: 0 } }, 'ERR_RANGE', 'votes'],
    ['a judge twice', { judges: [countingJudge(), countingJudge()] }, 'ERR_USAGE', '--judge'],
    ['a fractional count', { options: { tracesPerProblem: 1.5 } }, 'ERR_RANGE', 'tracesPerProblem'],
    ['a negative temperature', { options: { temperature: -1 } }, 'ERR_RANGE', 'temperature'],
    ['the rule posterior without error rates', { rule: 'posterior' }, 'ERR_USAGE', '--rule posterior'],
    ['an unknown rule', { rule: 'votes' }, 'ERR_USAGE', '--rule'],
  ])('refuses %s before any call', async (_, fields, code, where) => {
    const policy = countingPolicy();
    await expect(synthesize(request({ policy, ...fields }))).rejects.toMatchObject({ code, where });
    expect(policy.calls).toEqual([]);
  });

  it('refuses a policy or judge that answers another number of questions', async () => {
    const short: Policy = {
      ...countingPolicy(),
      propose: async () => ({ proposals: [[]], usage: { calls: 0, promptTokens: 0, completionTokens: 0, usd: 0 } }),
    };
    await expect(synthesize(request({ policy: short }))).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
    const silent: Judge = {
      ...countingJudge(),
      review: async () => ({ reviews: [], usage: { calls: 0, promptTokens: 0, completionTokens: 0, usd: 0 } }),
    };
    await expect(synthesize(request({ judges: [silent] }))).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
  });

  it('refuses a ledger row that it did not write', async () => {
    const ledger = createMemoryLedger();
    await synthesizeAll(request({ ledger }));
    const spoilt: Ledger = {
      ...ledger,
      getMany: async (keys) =>
        new Map([...(await ledger.getMany(keys))].map(([key, entry]) => [key, { ...entry, value: { spoilt: true } }])),
    };
    await expect(synthesize(request({ ledger: spoilt }))).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED' });
  });

  it('leaves an unknown cost unknown', async () => {
    const policy = countingPolicy();
    const unpriced: Policy = {
      ...policy,
      propose: async (...call) => {
        const { proposals } = await policy.propose(...call);
        return { proposals, usage: { calls: 7, promptTokens: null, completionTokens: 5, usd: null } };
      },
    };
    const { traces, summary }: { traces: Trace[]; summary: SynthesisResult['summary'] } = await synthesizeAll(
      request({ policy: unpriced }),
    );
    expect(summary.usage.sample).toEqual({ calls: 70, promptTokens: null, completionTokens: 50, usd: null });
    expect(traces.every(({ provenance }) => provenance.usd === null)).toBe(true);
  });
});
