import { createScriptedPolicy, createScriptedPrm } from '@vlprm/core/testing';
import type { ProcessRewardModel, Solution } from '@vlprm/core';
import { imageHash } from '@vlprm/core/models';
import { expect, test } from 'vitest';
import { selfTestPrm } from './prm-self-test.ts';

const policy = createScriptedPolicy({
  script: () => ({ steps: [{ kind: 'perception', text: 'something' }], finalAnswer: 'A' }),
});

/** Scores by the first byte of the picture's hash: it looks, in its way. */
const looking = (_: unknown, __: number, { images }: Solution): number =>
  Number.parseInt(imageHash(images[0] ?? new Uint8Array()).slice(0, 2), 16) / 255;

async function statuses(prm: ProcessRewardModel): Promise<Record<string, string>> {
  const checks = await selfTestPrm(prm, policy);
  return Object.fromEntries(checks.map(({ name, status }) => [name, status]));
}

test('a PRM that looks at the picture passes', async () => {
  expect(await statuses(createScriptedPrm({ script: looking }))).toEqual({
    'prm rows': 'ok',
    'prm scores': 'ok',
    'prm sight': 'ok',
    'prm latency': 'ok',
  });
});

test('one that does not look fails, unless it says so', async () => {
  const prm = createScriptedPrm({ script: () => 0.5 });
  expect(await statuses(prm)).toMatchObject({ 'prm sight': 'failed' });
  const blind = { ...prm, capabilities: { images: false, maxSteps: null } };
  expect(await statuses(blind)).toMatchObject({ 'prm sight': 'missing' });
});

test('scores that are no probabilities fail', async () => {
  expect(await statuses(createScriptedPrm({ script: () => Number.NaN }))).toMatchObject({ 'prm scores': 'failed' });
});

test('a wrong number of scores fails', async () => {
  const prm = createScriptedPrm({ script: looking });
  const short: ProcessRewardModel = {
    ...prm,
    scoreSteps: async (solutions, signal) => {
      const { scores, ...rest } = await prm.scoreSteps(solutions, signal);
      return { ...rest, scores: scores.map((own) => ({ ...own, probabilities: own.probabilities.subarray(1) })) };
    },
  };
  expect(await statuses(short)).toMatchObject({ 'prm rows': 'failed' });
});

test('a PRM or a policy that throws is a failed check', async () => {
  const down = createScriptedPrm({ script: () => 1, failCalls: [0] });
  expect(await selfTestPrm(down, policy)).toEqual([
    { name: 'prm self-test', status: 'failed', detail: 'scripted failure of call 0', fix: null },
  ]);
  const silent = createScriptedPolicy({ script: () => new Error('no answer') });
  expect(await selfTestPrm(createScriptedPrm({ script: looking }), silent)).toMatchObject([{ detail: 'no answer' }]);
});
