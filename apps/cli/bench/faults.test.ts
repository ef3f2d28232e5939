import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULT_KINDS } from '@vlprm/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { CallTally } from './faults/call-tally.ts';
import { faultRuns, faultVerdicts } from './faults/fault-runs.ts';
import { countLabels, type LabelledTrace } from './faults/labelled-steps.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('labels counted again', () => {
  type Step = LabelledTrace['steps'][number];
  const failed = { correct: 0, incorrect: 0, unparsable: 0, failed: 4, budget: 4 };
  const step = (index: number, fields: Partial<Step>): Step => {
    return { index, mc: null, judge: [], label: null, origin: null, ...fields };
  };

  it.each<[string, number, Step[]]>([
    ['a completed rollout', 0, [step(0, { mc: { ...failed, incorrect: 1 }, label: -1, origin: 'mc' })]],
    ['calls that failed', 1, [step(0, { mc: failed, label: -1, origin: 'mc' })]],
    ['a later success', 0, [step(0, { label: 1, origin: 'mc' }), step(1, { mc: { ...failed, correct: 1 } })]],
    [
      'a later success, for a wrong step',
      1,
      [step(0, { label: -1, origin: 'mc' }), step(1, { mc: { ...failed, correct: 1 } })],
    ],
    [
      'a review to its error',
      0,
      [step(0, { judge: [{ verdict: -1, by: 'a' }], label: -1, origin: 'judge' }), step(1, {})],
    ],
    [
      'a review that stopped',
      1,
      [step(0, { judge: [{ verdict: 1, by: 'a' }], label: 1, origin: 'judge' }), step(1, {})],
    ],
    ['no review', 1, [step(0, { mc: { ...failed, correct: 1 }, label: 1, origin: 'judge' })]],
    ['rollouts alone, for a consensus', 1, [step(0, { mc: { ...failed, correct: 1 }, label: 1, origin: 'consensus' })]],
  ])('%s', async (_, fromFailures, steps) => {
    expect(await countLabels([{ steps }])).toEqual({ labelled: 1, fromFailures });
  });
});

it('a process is only charged with what it has asked itself', () => {
  const tally = new CallTally();
  const ask = (question: string, fault: 'content-filter' | null = null) =>
    tally.record({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: {},
      body: `<question>${question}`,
      fault,
      status: 200,
      abandoned: false,
    });
  ask('a');
  ask('b');
  ask('filtered', 'content-filter');
  expect(tally).toMatchObject({ asked: 3, unfilteredInLife: 2 });
  tally.beginLife();
  expect(tally.unfilteredInLife).toBe(0);
  ask('b');
  ask('filtered', 'content-filter');
  expect(tally).toMatchObject({ asked: 3, unfilteredInLife: 1, repeatedAfterAnswer: 1 });
});

it('a synthesis that is killed again and again among faults gives the dataset of an undisturbed one', async () => {
  // Without servers that hang a call may take as long as a busy machine needs.
  const passing = FAULT_KINDS.filter((kind) => kind !== 'content-filter' && kind !== 'hang');
  const settings = {
    problems: 60,
    traces: 1,
    estimator: 'adaptive' as const,
    rollouts: 4,
    seed: 1000,
    kills: 3,
    faultShare: 0.1,
    passing,
    filterShare: 0,
    timeoutSeconds: 120,
    maxAttempts: 12,
    maxConcurrency: 16,
  };
  const runs = await faultRuns(settings, folder);
  expect(faultVerdicts(runs, settings).filter(({ holds }) => !holds)).toEqual([]);
  const killed = runs.find(({ name }) => name === 'faults-killed');
  expect(killed?.calls.inFlightAtKills).toBeGreaterThan(0);
  expect(Object.keys(killed?.faults ?? {}).length).toBeGreaterThan(4);
}, 300_000);
