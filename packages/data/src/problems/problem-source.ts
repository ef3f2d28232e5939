import { REJECT_SCHEMA, type Reject } from '@vlprm/core/records';
import type { VlprmError } from '@vlprm/core/runtime';
import type { LoadedProblem } from './loaded-problem.ts';

/** A row of a problem source: a problem, or why the row is none. */
export type ProblemRow = LoadedProblem | { readonly reject: Reject };

/**
 * Problems in an order that is the same each time. It is iterated more than once, so that nobody has to hold its images:
 * an array, or an object whose iterator reads anew.
 */
export type ProblemSource = Iterable<ProblemRow> | AsyncIterable<ProblemRow>;

/** Sets a row aside before any call: what was wrong with it, and where it is. */
export function rejectProblem(problemId: string | null, error: VlprmError): Reject {
  const { code, message, where } = error;
  return { schema: REJECT_SCHEMA, stage: 'problem', problemId, sample: null, code, reason: message, where };
}
