import type { StepLabel, Trace } from '@vlprm/core/records';

/** One whole reading of a trace: by one vote of one judge, or what most of them say. */
export interface JudgeReading {
  /** [steps] 1 right, 0 neutral, -1 wrong; null after the first error. */
  readonly verdicts: readonly StepLabel[];
  /** Flat 0-based index of the first wrong step; null when the judge passed the trace. */
  readonly firstError: number | null;
}

/** A reading with its judge; `name#2`, `name#3` are further votes of `name`. */
export interface JudgeVote extends JudgeReading {
  readonly by: string;
}

/** Why judges have no verdict on a trace. */
export type NoVerdict = 'no-judge-verdict' | 'judges-tied';

function readVote(trace: Trace, by: string): JudgeVote | null {
  const verdicts = trace.steps.map((step): StepLabel => {
    return step.judge.find((verdict) => verdict.by === by)?.verdict ?? null;
  });
  const first = verdicts.indexOf(-1);
  const read = first < 0 ? verdicts : verdicts.slice(0, first);
  if (read.includes(null)) return null;
  return {
    by,
    verdicts: verdicts.map((verdict, i) => (first >= 0 && i > first ? null : verdict)),
    firstError: first < 0 ? null : first,
  };
}

/**
 * Every whole reading of a trace, in the order of its judges and votes. A judge that stopped without having found an
 * error has not finished its review: that is no reading.
 */
export function readVotes(trace: Trace): JudgeVote[] {
  const judges = new Set(trace.steps[0]?.judge.map(({ by }) => by));
  return [...judges].flatMap((by) => readVote(trace, by) ?? []);
}

/** The index that most votes name; the earliest of those that equally many name. */
function mostNamed(indices: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const index of indices) counts.set(index, (counts.get(index) ?? 0) + 1);
  return [...counts].reduce((best, next) => {
    return next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best;
  })[0];
}

/**
 * What most of the votes say. The trace is wrong when more than half of them found an error, and right when more than
 * half found none; its first error is the one that most of them name, the earliest of equals. A step before it is
 * neutral when more than half of the votes that say the same of the trace call it so.
 */
export function majorityReading(votes: readonly JudgeReading[]): JudgeReading | NoVerdict {
  if (votes.length === 0) return 'no-judge-verdict';
  const errors = votes.flatMap(({ firstError }) => firstError ?? []);
  if (2 * errors.length === votes.length) return 'judges-tied';
  const firstError = 2 * errors.length > votes.length ? mostNamed(errors) : null;
  const agreeing = votes.filter((vote) => vote.firstError === firstError);
  const isNeutral = (index: number): boolean =>
    2 * agreeing.filter(({ verdicts }) => verdicts[index] === 0).length > agreeing.length;
  const verdicts = (agreeing[0] as JudgeReading).verdicts.map((verdict, index): StepLabel => {
    return verdict === null || verdict === -1 ? verdict : isNeutral(index) ? 0 : 1;
  });
  return { verdicts, firstError };
}

/** What the judges of a trace say, each of their votes counting alike ({@link majorityReading}). */
export function readJudge(trace: Trace): JudgeReading | NoVerdict {
  return majorityReading(readVotes(trace));
}
