import { AUDIT_SCHEMA, TRACE_SCHEMA, type Trace } from '@vlprm/core/records';
import { createEvents } from '@vlprm/core/runtime';
import { createScriptedJudge, TINY_PNG, type JudgeScript } from '@vlprm/core/testing';
import { describe, expect, it } from 'vitest';
import type { AuditedTrace } from './audit-page.ts';
import { auditWith } from './model-auditor.ts';

function picked(id: string, finding: AuditedTrace['audit']['finding'] = null): AuditedTrace {
  const trace: Trace = {
    schema: TRACE_SCHEMA,
    id,
    problemId: `problem of ${id}`,
    groupId: 'g',
    images: [{ sha256: 'a'.repeat(64), mime: 'image/png', width: 1, height: 1, path: 'a.png' }],
    question: 'How many?',
    answer: 'the key',
    steps: ['I see two.', 'So two.'].map((text, index) => ({
      index,
      kind: index === 0 ? 'perception' : 'reasoning',
      text,
      mc: { correct: 1, incorrect: 15, unparsable: 0, failed: 0, budget: 16 },
      judge: [{ verdict: 1, by: 'cheap' }],
      label: null,
      soft: null,
      origin: null,
    })),
    finalAnswer: '2',
    outcome: 'incorrect',
    firstError: null,
    consensus: null,
    provenance: { source: 'test', policy: null, judges: ['cheap'], seed: null, usd: null },
  };
  return { trace, audit: { schema: AUDIT_SCHEMA, traceId: id, stratum: 's', weight: 3, finding } };
}

const dataset = { image: async () => TINY_PNG };
const audit = (traces: readonly AuditedTrace[], script: JudgeScript, name = 'strong') => {
  const judge = createScriptedJudge({ name, script });
  const options = { seed: 1, events: createEvents(), signal: new AbortController().signal };
  return { judge, done: auditWith(judge, traces, dataset, options) };
};

describe('auditWith', () => {
  it('fills in what the model found, and leaves open what it failed on', async () => {
    const traces = [picked('a'), picked('b'), picked('c')];
    const found: Record<string, number | null | Error> = {
      'problem of a': 1,
      'problem of b': new Error('no verdict'),
      'problem of c': null,
    };
    const { done } = audit(traces, ({ problem }) => found[problem.id] ?? null);
    const { audits, failures } = await done;
    expect(audits.map(({ finding }) => finding)).toEqual([
      { firstError: 1, by: 'strong' },
      null,
      { firstError: null, by: 'strong' },
    ]);
    expect(failures).toEqual([{ traceId: 'b', reason: 'no verdict' }]);
    expect(audits.map(({ weight }) => weight)).toEqual([3, 3, 3]);
  });

  it('shows the model neither the key nor what others said, and asks about nothing that is decided', async () => {
    const { judge, done } = audit([picked('a', { firstError: 0, by: 'Ada' }), picked('b')], () => null);
    expect((await done).audits[0]?.finding).toEqual({ firstError: 0, by: 'Ada' });
    expect(judge.calls.flatMap(({ solutions }) => solutions.map(({ problem }) => problem.id))).toEqual([
      'problem of b',
    ]);
    expect(JSON.stringify(judge.calls)).not.toMatch(/the key|cheap|incorrect/);
  });

  it('refuses a model that judged the traces itself', async () => {
    await expect(audit([picked('a')], () => null, 'cheap').done).rejects.toMatchObject({ code: 'ERR_USAGE' });
  });
});
