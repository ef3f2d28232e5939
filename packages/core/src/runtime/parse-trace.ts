import { traceSchema } from '../records/index.ts';
import type { Trace } from '../records/index.ts';
import { VlprmError } from './errors.ts';
import { parseRecord } from './parse-record.ts';

/** The first contradiction between the fields of a trace, as [field, what], or null. */
function contradiction(trace: Trace): readonly [string, string] | null {
  const { steps, firstError, consensus } = trace;
  for (const [i, step] of steps.entries()) {
    if (step.index !== i) return [`steps[${i}].index`, `index ${step.index} at place ${i}`];
    const { mc } = step;
    if (mc && mc.correct + mc.incorrect + mc.unparsable + mc.failed > mc.budget) {
      return [`steps[${i}].mc`, `more rollouts than its budget of ${mc.budget}`];
    }
    if (consensus?.semantics === 'first-error' && firstError !== null && i > firstError && step.label !== null) {
      return [`steps[${i}].label`, `a label after the first error at step ${firstError}`];
    }
  }
  if (firstError !== null && firstError >= steps.length) {
    return ['firstError', `a first error at step ${firstError} of ${steps.length}`];
  }
  return null;
}

/**
 * Parses a trace row and checks that its fields agree.
 * ERR_SCHEMA_VERSION, ERR_TRACE_EMPTY for no steps, ERR_TRACE_MALFORMED with the path of the offending field.
 */
export function parseTrace(value: unknown, where: string): Trace {
  const steps = typeof value === 'object' && value !== null && 'steps' in value ? value.steps : undefined;
  if (Array.isArray(steps) && steps.length === 0) {
    throw new VlprmError('ERR_TRACE_EMPTY', 'a trace without steps', { where, fix: 'leave the row out' });
  }
  const trace = parseRecord(traceSchema, value, where, 'ERR_TRACE_MALFORMED');
  const found = contradiction(trace);
  if (!found) return trace;
  throw new VlprmError('ERR_TRACE_MALFORMED', found[1], { where: `${where}: ${found[0]}`, fix: 'correct this field' });
}
