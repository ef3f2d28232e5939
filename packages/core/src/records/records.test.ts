import { describe, expect, it } from 'vitest';
import {
  addUsage,
  NO_USAGE,
  predictionSchema,
  prmBundleSchema,
  problemSchema,
  runSchema,
  stepValueSchema,
  traceSchema,
} from './index.ts';
import type { Usage } from './index.ts';

const hash = 'a'.repeat(64);

/** The example row of the trace format, as others rely on it. */
const traceRow = {
  schema: 'vlprm.trace/1',
  id: 't',
  problemId: 'p',
  groupId: 'g',
  images: [{ sha256: hash, mime: 'image/png', width: 96, height: 96, path: 'images/a.png' }],
  question: 'How many dots?',
  answer: '3',
  steps: [
    {
      index: 0,
      kind: 'perception',
      text: 'Three dots.',
      mc: { correct: 0, incorrect: 0, unparsable: 0, failed: 0, budget: 16 },
      judge: [{ verdict: 1, by: 'puzzle-world' }],
      label: 1,
      soft: 0.97,
      origin: 'judge',
    },
  ],
  finalAnswer: '3',
  outcome: 'correct',
  firstError: null,
  consensus: { rule: 'hybrid', semantics: 'first-error', kept: true, reason: '…' },
  provenance: { source: 'puzzle-world/count', policy: 'p', judges: [], seed: 0, usd: null },
};

describe('trace rows', () => {
  it('are read as they are written, with what others add to their provenance', () => {
    const row = { ...traceRow, provenance: { ...traceRow.provenance, prompt: hash } };
    expect(traceSchema.parse(row)).toEqual(row);
  });

  it.each([
    ['an outcome that is a number', { outcome: 0 }],
    ['no first error given at all', { firstError: undefined }],
    ['a negative first error', { firstError: -1 }],
    ['no steps', { steps: [] }],
    ['an image by another name for JPEG', { images: [{ ...traceRow.images[0], mime: 'image/jpg' }] }],
    ['a soft label above 1', { steps: [{ ...traceRow.steps[0], soft: 1.5 }] }],
    ['a label that is true', { steps: [{ ...traceRow.steps[0], label: true }] }],
  ])('have not %s', (_, change) => {
    expect(traceSchema.safeParse({ ...traceRow, ...change }).success).toBe(false);
  });
});

describe('step values', () => {
  it('reference issue: failed, unparsable and incorrect rollouts are three counts, none of which may be left out', () => {
    const value = { correct: 1, incorrect: 2, unparsable: 3, failed: 4, budget: 16 };
    expect(stepValueSchema.parse(value)).toEqual(value);
    for (const field of ['incorrect', 'unparsable', 'failed'] as const) {
      expect(stepValueSchema.safeParse({ ...value, [field]: undefined }).success).toBe(false);
    }
  });
});

describe('other records', () => {
  it('are versioned', () => {
    const problem = { id: 'p', groupId: 'g', images: [], question: 'Q?', options: null, answer: null, source: 's' };
    expect(problemSchema.safeParse({ schema: 'vlprm.problem/1', ...problem }).success).toBe(true);
    expect(problemSchema.safeParse(problem).success).toBe(false);
    const prediction = {
      schema: 'vlprm.prediction/1',
      traceId: 't',
      step: 0,
      logitPos: -0.1,
      logitNeg: -2,
      p: 0.9,
      usage: null,
    };
    expect(predictionSchema.safeParse(prediction).success).toBe(true);
    expect(predictionSchema.safeParse({ ...prediction, p: 1.1 }).success).toBe(false);
    expect(prmBundleSchema.safeParse({ schema: 'vlprm.prm/2' }).error?.issues[0]?.path).toEqual(['schema']);
  });

  it('keep a run open until it has ended', () => {
    const run = {
      schema: 'vlprm.run/1',
      command: 'quickstart',
      config: { seed: 7, out: 'runs/seven', nested: { a: [1, null] } },
      seed: 7,
      versions: { vlprm: '0.1.0' },
      revision: null,
      machine: { cores: 2 },
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: null,
      exit: null,
    };
    expect(runSchema.parse(run)).toEqual(run);
    expect(runSchema.safeParse({ ...run, config: { when: new Date() } }).success).toBe(false);
  });
});

describe('addUsage', () => {
  const usage: Usage = { calls: 2, promptTokens: 10, completionTokens: null, usd: 0.5 };

  it('adds, with nothing as its zero', () => {
    expect(addUsage(usage, usage)).toEqual({ calls: 4, promptTokens: 20, completionTokens: null, usd: 1 });
    expect(addUsage(NO_USAGE, usage)).toEqual(usage);
  });

  it('does not take what is unknown for zero', () => {
    expect(addUsage({ ...usage, usd: null }, usage).usd).toBeNull();
  });
});
