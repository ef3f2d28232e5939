import { expect, it } from 'vitest';
import { FAULT_KINDS } from '../src/testing/index.ts';
import { runUnderFaults } from './fault-run.ts';

it('ends with the answers of an undisturbed run, whatever the servers do', async () => {
  const run = await runUnderFaults({ calls: 250, share: 0.5, seed: 4, inFlight: 16 });
  expect(Object.keys(run.injected).toSorted()).toEqual(FAULT_KINDS.toSorted());
  expect(run.filtered).toBeGreaterThan(0);
  expect(run.errors).toEqual({ ERR_CONTENT_FILTER: run.filtered });
  expect(run.wrong).toBe(0);
  expect(run.again).toEqual({ wrong: 0, errors: 0, requests: run.filtered, sameUsage: true });
});
