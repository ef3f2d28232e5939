import { describe, expect, it } from 'vitest';
import type { Step } from '../../records/index.ts';
import { VlprmError } from '../../runtime/errors.ts';
import { formatSolution } from '../../text/step-grammar.ts';
import {
  createScriptedJudge,
  createScriptedPolicy,
  createScriptedPrm,
  solutionOf,
  TINY_PNG,
} from '../../testing/index.ts';
import { imageHash } from '../image.ts';
import type { ProcessRewardModel, Solution } from '../ports.ts';
import { selfTestJudge, selfTestPolicy, selfTestPrm, type LabelledSolution, type SelfTestFinding } from './index.ts';

const RIGHT: Step = { kind: 'perception', text: 'one pixel' };
const WRONG: Step = { kind: 'reasoning', text: 'so there are two' };
const otherPng = Buffer.concat([TINY_PNG, Buffer.from([0])]);
const cases: LabelledSolution[] = [TINY_PNG, otherPng].map((image) => ({
  solution: solutionOf([RIGHT, WRONG], { image }),
  labels: [1, -1],
}));

/** Looks at the picture, in its way, and knows the wrong step. */
const sees = (step: Step, _: number, { images }: Solution): number =>
  (step.text === WRONG.text ? 0.1 : 0.6) + Number.parseInt(imageHash(images[0]!).slice(0, 2), 16) / 1000;

const statuses = (findings: readonly SelfTestFinding[]) =>
  Object.fromEntries(findings.map(({ name, status }) => [name, status]));
const testPrm = async (prm: ProcessRewardModel) => statuses(await selfTestPrm(prm, cases));

/** A PRM whose scores are changed on their way out. */
function altered(change: (scores: Float32Array, solution: Solution) => object): ProcessRewardModel {
  const prm = createScriptedPrm({ script: sees });
  return {
    ...prm,
    scoreSteps: async (solutions, signal) => {
      const { scores, ...rest } = await prm.scoreSteps(solutions, signal);
      return { ...rest, scores: scores.map((own, i) => ({ ...own, ...change(own.probabilities, solutions[i]!) })) };
    },
  };
}

describe('selfTestPrm', () => {
  it('passes a PRM that looks at the picture and knows right from wrong', async () => {
    expect(await testPrm(createScriptedPrm({ script: sees }))).toEqual({
      'prm rows': 'ok',
      'prm scores': 'ok',
      'prm order': 'ok',
      'prm labels': 'missing',
      'prm signs': 'ok',
      'prm sight': 'ok',
      'prm latency': 'ok',
    });
  });

  it.each<[string, ProcessRewardModel, string]>([
    ['does not look', createScriptedPrm({ script: ({ text }) => (text === WRONG.text ? 0.1 : 0.9) }), 'prm sight'],
    ['has its labels exchanged', createScriptedPrm({ script: (...args) => 1 - sees(...args) }), 'prm order'],
    ['gives no probabilities', createScriptedPrm({ script: () => Number.NaN }), 'prm scores'],
    ['leaves out a score', altered((p) => ({ probabilities: p.subarray(1) })), 'prm rows'],
    ['answers with other tokens', altered((p) => ({ mass: p.map(() => 0.2) })), 'prm labels'],
    [
      'loses its place among signs',
      altered((p, { steps }) => (steps.length > 2 ? { probabilities: p.map((_, i) => p[i + 1] ?? 0) } : {})),
      'prm signs',
    ],
  ])('fails a PRM that %s', async (_, prm, name) => {
    expect(await testPrm(prm)).toMatchObject({ [name]: 'failed' });
  });

  it('leaves out the picture of a blind PRM, and signs that a base does not know', async () => {
    const base = createScriptedPrm({ script: sees });
    const blind: ProcessRewardModel = {
      ...base,
      capabilities: { images: false, maxSteps: null },
      scoreSteps: (solutions, signal) => {
        if (solutions.some(({ steps }) => steps.length > 2)) throw new VlprmError('ERR_TOKEN_UNKNOWN', 'no +');
        return base.scoreSteps(solutions, signal);
      },
    };
    expect(await testPrm(blind)).toMatchObject({ 'prm sight': 'missing', 'prm signs': 'missing' });
  });

  it('makes a finding of a failure, and throws an abort', async () => {
    const down = createScriptedPrm({ script: sees, failCalls: [0] });
    expect(await selfTestPrm(down, cases)).toEqual([
      { name: 'prm self-test', status: 'failed', detail: 'scripted failure of call 0', fix: null },
    ]);
    const prm = createScriptedPrm({ script: sees });
    await expect(selfTestPrm(prm, cases, AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

describe('selfTestPolicy', () => {
  const problems = cases.map(({ solution }) => solution);
  const writes = ({ images, steps }: Solution) => ({
    steps: [RIGHT, WRONG].slice(steps.length),
    finalAnswer: imageHash(images[0]!).slice(0, 2),
  });

  it('passes a policy that sees, stops, repeats and continues', async () => {
    expect(statuses(await selfTestPolicy(createScriptedPolicy({ script: writes }), problems))).toEqual({
      'policy answers': 'ok',
      'policy sight': 'ok',
      'policy stop': 'ok',
      'policy seed': 'ok',
      'policy continuation': 'ok',
      'policy latency': 'ok',
    });
  });

  it('finds a policy that is blind, unreadable, or not repeatable', async () => {
    const garbled = createScriptedPolicy({ script: () => 'what?' });
    expect(statuses(await selfTestPolicy(garbled, problems))).toMatchObject({
      'policy answers': 'failed',
      'policy sight': 'failed',
      'policy stop': 'failed',
      'policy continuation': 'missing',
    });
    let draws = 0;
    const moody = createScriptedPolicy({ script: () => formatSolution([RIGHT, WRONG], String(draws++)) });
    expect(statuses(await selfTestPolicy(moody, problems))).toMatchObject({ 'policy seed': 'missing' });
  });

  it('makes a finding of a sample that failed', async () => {
    const filtered = createScriptedPolicy({
      script: () => new VlprmError('ERR_CONTENT_FILTER', 'filtered', { fix: 'ask' }),
    });
    expect(await selfTestPolicy(filtered, problems)).toEqual([
      { name: 'policy self-test', status: 'failed', detail: 'ERR_CONTENT_FILTER: filtered', fix: 'ask' },
    ]);
  });
});

describe('selfTestJudge', () => {
  const solutions = cases.map(({ solution }) => solution);

  it('passes readable verdicts, and says why others are not', async () => {
    expect(statuses(await selfTestJudge(createScriptedJudge({ script: () => 1 }), solutions))).toEqual({
      'judge verdicts': 'ok',
      'judge latency': 'ok',
    });
    const unreadable = createScriptedJudge({ script: () => new Error('no conclusion') });
    expect(await selfTestJudge(unreadable, solutions)).toMatchObject([{ status: 'failed', detail: 'no conclusion' }]);
  });
});
