import { createScriptedJudge, createScriptedPolicy, createScriptedPrm } from '@vlprm/core/testing';
import type { Step } from '@vlprm/core';
import { generatePuzzles, stepTruth } from '@vlprm/data/puzzle-world';
import { expect, test } from 'vitest';
import type { DoctorCheck } from '../contract/doctor.ts';
import { selfTestModels } from './self-tests.ts';

const scenes = new Map(
  generatePuzzles({ seed: 0, split: 'test', count: 12 }).map(({ problem, scene }) => [problem.id, scene]),
);
const none = { policy: null, judges: [], prm: null };
const statusOf = (checks: readonly DoctorCheck[], name: string): string | undefined =>
  checks.find((check) => check.name === name)?.status;

test('a PRM is asked for right steps and for wrong ones', async () => {
  const knows = createScriptedPrm({
    script: (_, index, { problem, steps }) => (stepTruth(scenes.get(problem.id)!, steps).local[index] ? 0.9 : 0.2),
  });
  expect(statusOf(await selfTestModels({ ...none, prm: knows }), 'prm order')).toBe('ok');
  const guesses = createScriptedPrm({ script: () => 0.5 });
  expect(statusOf(await selfTestModels({ ...none, prm: guesses }), 'prm order')).toBe('failed');
});

test('only models that are there are tested', async () => {
  const steps: Step[] = [{ kind: 'perception', text: 'something' }];
  const policy = createScriptedPolicy({ script: () => ({ steps, finalAnswer: 'A' }) });
  const judge = createScriptedJudge({ script: () => null });
  expect(await selfTestModels(none)).toEqual([]);
  const checks = await selfTestModels({ ...none, policy, judges: [judge] });
  expect(checks.filter(({ name }) => name.startsWith('prm'))).toEqual([]);
  expect(statusOf(checks, 'policy answers')).toBe('ok');
  expect(statusOf(checks, 'judge verdicts')).toBe('ok');
  const other = createScriptedJudge({ name: 'other-judge', script: () => new Error('gone') });
  const both = await selfTestModels({ ...none, judges: [judge, other] });
  expect(statusOf(both, `judge verdicts (${judge.name})`)).toBe('ok');
  expect(statusOf(both, 'judge verdicts (other-judge)')).toBe('failed');
});
