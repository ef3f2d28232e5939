import type { Reject } from '@vlprm/core/records';
import { throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import { canonicalAnswer } from '@vlprm/core/text';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import { rejectProblem, type ProblemSource } from '../problems/problem-source.ts';

/** A problem that can be labelled, or why it is set aside before any call. */
export type IntakeRow = { readonly loaded: LoadedProblem; readonly reject: null } | { readonly reject: Reject };

/** Why a problem is set aside; null when it is not. */
function refusal({ problem, where }: LoadedProblem, seen: ReadonlySet<string>): VlprmError | null {
  const detail = { where: where ?? `problem ${problem.id}` };
  if (seen.has(problem.id)) return new VlprmError('ERR_DATASET_INVALID', 'another problem has the same id', detail);
  if (problem.answer === null) return new VlprmError('ERR_DATASET_INVALID', 'there is no reference answer', detail);
  if (canonicalAnswer(problem.answer, problem.options) !== null) return null;
  return new VlprmError('ERR_DATASET_INVALID', 'the reference answer cannot be read as an answer', detail);
}

/**
 * The rows of a source in order, with problems set aside that cannot be labelled: without a reference answer that the
 * checker could read, and with the id of an earlier problem. Holds the ids, and one problem at a time.
 * @throws ERR_ABORTED, and what the source throws
 */
export async function* admit(source: ProblemSource, signal: AbortSignal | undefined): AsyncGenerator<IntakeRow> {
  const seen = new Set<string>();
  for await (const row of source) {
    throwIfAborted(signal);
    if ('reject' in row) {
      yield row;
      continue;
    }
    const refused = refusal(row, seen);
    seen.add(row.problem.id);
    yield refused === null ? { loaded: row, reject: null } : { reject: rejectProblem(row.problem.id, refused) };
  }
}
