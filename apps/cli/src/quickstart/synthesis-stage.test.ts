import { createEvents, createMemoryLedger, VlprmError } from '@vlprm/core/runtime';
import { createScriptedJudge, createScriptedPolicy } from '@vlprm/core/testing';
import { generatePuzzles } from '@vlprm/data/puzzle-world';
import { expect, it } from 'vitest';
import { runSynthesis } from './synthesis-stage.ts';

it('does not go on with what is left of a synthesis that stopped', async () => {
  const input = {
    puzzles: generatePuzzles({ seed: 1, split: 'train', count: 2 }),
    policy: createScriptedPolicy({ script: () => new VlprmError('ERR_CONTENT_FILTER', 'withheld') }),
    judge: createScriptedJudge({ script: () => null }),
    ledger: createMemoryLedger(),
    tracesPerProblem: 2,
    rolloutsPerStep: 1,
    seed: 1,
  };
  const context = { events: createEvents(), signal: new AbortController().signal };
  await expect(runSynthesis(input, context)).rejects.toMatchObject({ code: 'ERR_TOO_MANY_REJECTS' });
});
