import { describe, expect, it } from 'vitest';
import { TRACE_SCHEMA } from '../records/index.ts';
import type { Trace, TraceStep } from '../records/index.ts';
import { parseTrace } from './parse-trace.ts';

const step: Omit<TraceStep, 'index'> = {
  kind: 'perception',
  text: 'a 3',
  mc: null,
  judge: [],
  label: 1,
  soft: null,
  origin: 'judge',
};
const trace: Trace = {
  schema: TRACE_SCHEMA,
  id: 't',
  problemId: 'p',
  groupId: 'g',
  images: [],
  question: 'How many?',
  answer: '3',
  steps: [
    { ...step, index: 0, mc: { correct: 3, incorrect: 1, unparsable: 0, failed: 2, budget: 16 } },
    { ...step, index: 1, label: -1 },
    { ...step, index: 2, kind: 'reasoning', label: null, origin: null },
  ],
  finalAnswer: '4',
  outcome: 'incorrect',
  firstError: 1,
  consensus: { rule: 'judge', semantics: 'first-error', kept: true, reason: '' },
  provenance: { source: 'test', policy: null, judges: [], seed: null, usd: null, promptSha256: 'kept' },
};
const withStep = (index: number, change: object): unknown => ({
  ...trace,
  steps: trace.steps.map((old) => (old.index === index ? { ...old, ...change } : old)),
});

describe('parseTrace', () => {
  it('gives back a trace as it is, with the provenance that others added', () => {
    expect(parseTrace(trace, 'f:1')).toEqual(trace);
  });

  it.each([
    ['another version', { ...trace, schema: 'vlprm.trace/2' }, 'ERR_SCHEMA_VERSION', 'f:1'],
    ['a trace without steps', { ...trace, steps: [] }, 'ERR_TRACE_EMPTY', 'f:1'],
    ['a trace whose steps are missing', { ...trace, steps: undefined }, 'ERR_TRACE_MALFORMED', 'f:1: steps'],
    ['a step without text', withStep(0, { text: '' }), 'ERR_TRACE_MALFORMED', 'f:1: steps[0].text'],
    ['a label of 2', withStep(0, { label: 2 }), 'ERR_TRACE_MALFORMED', 'f:1: steps[0].label'],
    ['steps out of order', withStep(0, { index: 5 }), 'ERR_TRACE_MALFORMED', 'f:1: steps[0].index'],
    [
      'more rollouts than were paid for',
      withStep(0, { mc: { correct: 10, incorrect: 6, unparsable: 0, failed: 1, budget: 16 } }),
      'ERR_TRACE_MALFORMED',
      'f:1: steps[0].mc',
    ],
    ['a label after the first error', withStep(2, { label: -1 }), 'ERR_TRACE_MALFORMED', 'f:1: steps[2].label'],
    ['a first error that is no step', { ...trace, firstError: 3 }, 'ERR_TRACE_MALFORMED', 'f:1: firstError'],
    ['no object', 'text', 'ERR_TRACE_MALFORMED', 'f:1'],
  ])('refuses %s', (_, value, code, where) => {
    expect(() => parseTrace(value, 'f:1')).toThrow(expect.objectContaining({ code, where }));
  });

  it('accepts labels after the first error under other semantics', () => {
    const cumulative = {
      ...(withStep(2, { label: -1 }) as Trace),
      consensus: { ...trace.consensus, semantics: 'cumulative' },
    };
    expect(parseTrace(cumulative, 'f:1').steps[2]?.label).toBe(-1);
  });
});
