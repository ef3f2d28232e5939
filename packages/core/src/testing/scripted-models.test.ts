import { describe, expect, it } from 'vitest';
import type { Prefix } from '../models/ports.ts';
import { PROBLEM_SCHEMA } from '../records/index.ts';
import type { Step } from '../records/index.ts';
import { formatSolution } from '../text/step-grammar.ts';
import { createScriptedJudge } from './scripted-judge.ts';
import { createScriptedPolicy } from './scripted-policy.ts';
import type { PolicyScript } from './scripted-policy.ts';
import { createScriptedPrm } from './scripted-prm.ts';

const steps: Step[] = [
  { kind: 'perception', text: 'Three red dots.' },
  { kind: 'reasoning', text: 'So it is 3.' },
];
const prefixOf = (id: string, written: readonly Step[] = []): Prefix => ({
  problem: {
    schema: PROBLEM_SCHEMA,
    id,
    groupId: id,
    images: [],
    question: 'How many?',
    options: null,
    source: 'test',
  },
  images: [],
  steps: written,
});
const propose = { n: 2, stop: 'end', seed: 1 } as const;
const whole: PolicyScript = () => ({ steps, finalAnswer: '3' });

describe('createScriptedPolicy', () => {
  it('gives n proposals a prefix and remembers what it was asked', async () => {
    const policy = createScriptedPolicy({ script: whole });
    const prefixes = [prefixOf('a'), prefixOf('b')];
    const { proposals, usage } = await policy.propose(prefixes, propose);
    const proposal = { ok: true, value: { steps, finalAnswer: '3', ended: true, tokens: 8 } };
    expect(proposals).toEqual([
      [proposal, proposal],
      [proposal, proposal],
    ]);
    expect(usage).toEqual({ calls: 4, promptTokens: 0, completionTokens: 32, usd: 0 });
    expect(policy.calls).toEqual([{ prefixes, options: propose }]);
  });

  it('writes one step at a time, and ends with the last', async () => {
    const policy = createScriptedPolicy({
      script: ({ steps: written }) => ({ steps: steps.slice(written.length), finalAnswer: '3' }),
    });
    const { proposals } = await policy.propose([prefixOf('a'), prefixOf('a', steps.slice(0, 1))], {
      ...propose,
      n: 1,
      stop: 'step',
    });
    expect(proposals[0]?.[0]).toMatchObject({ value: { steps: [steps[0]], finalAnswer: null, ended: false } });
    expect(proposals[1]?.[0]).toMatchObject({ value: { steps: [steps[1]], finalAnswer: '3', ended: true } });
  });

  it('reads texts, and keeps unreadable text, a failed sample and an answer apart', async () => {
    const replies = [formatSolution(steps, '3'), 'I cannot see the image.', new Error('filtered')];
    const policy = createScriptedPolicy({ script: (_, i) => replies[i] ?? '' });
    const { proposals } = await policy.propose([prefixOf('a')], { ...propose, n: 3 });
    expect(proposals[0]).toEqual([
      { ok: true, value: { steps, finalAnswer: '3', ended: true, tokens: 8 } },
      { ok: true, value: { steps: [], finalAnswer: null, ended: true, tokens: 0 } },
      { ok: false, error: new Error('filtered') },
    ]);
  });

  it('draws the i-th continuation from prefix, seed and i alone', async () => {
    const policy = createScriptedPolicy({ script: (_, __, random) => ({ steps, finalAnswer: `${random.int(1e9)}` }) });
    const answers = async (prefixes: Prefix[], n: number, seed: number): Promise<unknown[][]> => {
      const { proposals } = await policy.propose(prefixes, { ...propose, n, seed });
      return proposals.map((row) => row.map((sampled) => sampled.ok && sampled.value.finalAnswer));
    };
    const [a, b] = await answers([prefixOf('a'), prefixOf('b')], 4, 1);
    expect(await answers([prefixOf('b')], 2, 1)).toEqual([b?.slice(0, 2)]);
    expect(new Set([...(a ?? []), ...(b ?? []), ...(await answers([prefixOf('a')], 4, 2)).flat()]).size).toBe(12);
  });
});

describe('createScriptedJudge', () => {
  it('gives verdicts up to the first error, and nothing after it', async () => {
    const judge = createScriptedJudge({ script: ({ problem }) => (problem.id === 'right' ? null : 0) });
    const solutions = [prefixOf('right', steps), prefixOf('wrong', steps)];
    const { reviews } = await judge.review(solutions, { seed: 1 });
    expect(reviews).toEqual([
      { ok: true, value: { verdicts: [1, 1], firstError: null } },
      { ok: true, value: { verdicts: [-1, null], firstError: 0 } },
    ]);
    expect(judge.calls).toEqual([{ solutions, seed: 1 }]);
  });

  it('fails one review without failing the others', async () => {
    const judge = createScriptedJudge({ script: ({ problem }) => (problem.id === 'b' ? new Error('refused') : null) });
    const { reviews } = await judge.review([prefixOf('a', steps), prefixOf('b', steps)], { seed: 1 });
    expect(reviews.map(({ ok }) => ok)).toEqual([true, false]);
  });
});

describe('createScriptedPrm', () => {
  it('scores each step, and gives logits that agree with the probabilities', async () => {
    const prm = createScriptedPrm({ script: (_, index) => (index === 0 ? 0.75 : 0.5), threshold: 0.4 });
    const { scores, forwards } = await prm.scoreSteps([prefixOf('a', steps)]);
    expect(scores[0]?.probabilities).toEqual(new Float32Array([0.75, 0.5]));
    expect(scores[0]?.logits[0]).toBeCloseTo(Math.log(3), 6);
    expect(scores[0]?.logits[1]).toBe(0);
    expect([forwards, prm.threshold, prm.calls.length]).toEqual([1, 0.4, 1]);
  });

  it('refuses a solution without steps, as a trained PRM does', async () => {
    const prm = createScriptedPrm({ script: () => 1 });
    await expect(prm.scoreSteps([prefixOf('a')])).rejects.toMatchObject({ code: 'ERR_TRACE_EMPTY' });
  });
});

describe('faults', () => {
  it('fail the calls that they name, and remember them', async () => {
    const policy = createScriptedPolicy({ script: whole, failCalls: [1] });
    await policy.propose([prefixOf('a')], propose);
    await expect(policy.propose([prefixOf('a')], propose)).rejects.toThrow('scripted failure of call 1');
    await policy.propose([prefixOf('a')], propose);
    expect(policy.calls).toHaveLength(3);
  });

  it('let a call take its time, and an abort end it', async () => {
    const judge = createScriptedJudge({ script: () => null, delayMs: 10_000 });
    const controller = new AbortController();
    const reviewing = judge.review([prefixOf('a', steps)], { seed: 1 }, controller.signal);
    controller.abort();
    await expect(reviewing).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    const prm = createScriptedPrm({ script: () => 1, delayMs: 20 });
    const begin = performance.now();
    await prm.scoreSteps([prefixOf('a', steps)]);
    expect(performance.now() - begin).toBeGreaterThan(15);
    await expect(prm.scoreSteps([prefixOf('a', steps)], AbortSignal.abort())).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
    expect(prm.calls).toHaveLength(1);
  });
});
