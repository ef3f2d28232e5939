import { addUsage, NO_USAGE, type Reject, type Trace } from '@vlprm/core/records';
import type { Ledger } from '@vlprm/core/runtime';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import type { ProblemSource } from '../problems/problem-source.ts';
import { chunksOf } from './chunks.ts';
import { admit, type IntakeRow } from './intake.ts';
import type { SynthesisPlan } from './plan.ts';
import { readStage, type StageResult } from './stage.ts';
import type { GatheredProblem } from './trace-assembly.ts';

/** Rows of the source that are read back together. */
const ROWS_AT_ONCE = 64;

/** What a synthesis made of one row of its source. */
export interface LabelledProblem {
  /** Null for a row that was set aside before any call. */
  readonly loaded: LoadedProblem | null;
  /** In the order of the samples; empty for an unfinished problem. */
  readonly traces: readonly Trace[];
  /** Of an unfinished problem: what is known by now. */
  readonly rejects: readonly Reject[];
}

/** What the ledger holds of a problem. */
export interface KnownProblem {
  readonly gathered: GatheredProblem;
  /** Whether no stage of the plan is missing. */
  readonly whole: boolean;
}

/** What the ledger holds of each problem. */
export async function readBack(
  problems: readonly LoadedProblem[],
  plan: SynthesisPlan,
  ledger: Ledger,
): Promise<KnownProblem[]> {
  const sampled = await readStage(plan.sampling, problems, ledger);
  const items = problems.map((loaded, i) => ({ loaded, samples: sampled[i]?.value ?? [] }));
  const estimated = plan.estimation && (await readStage(plan.estimation, items, ledger));
  const stages = [...plan.online, ...plan.offline];
  const reviewed = await Promise.all(stages.map((stage) => readStage(stage, items, ledger)));
  return items.map((item, i) => {
    const estimate = estimated?.[i] ?? null;
    const rows: (StageResult<unknown> | null)[] = [
      sampled[i] ?? null,
      ...(estimated === null ? [] : [estimate]),
      ...reviewed.map((list) => list[i] ?? null),
    ];
    const known = rows.filter((row) => row !== null);
    const gathered = {
      ...item,
      estimate: estimate?.value ?? null,
      reviews: stages.map(({ by }, k) => ({ by, reviews: reviewed[k]?.[i]?.value ?? [] })),
      usage: known.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
    };
    return { gathered, whole: known.length === rows.length };
  });
}

/** A row of the source with what the ledger holds of it. */
export type ReadBackRow =
  Extract<IntakeRow, { reject: Reject }> | ({ loaded: LoadedProblem; reject: null } & KnownProblem);

/**
 * The rows of the source in order, with what the ledger holds of them. Some rows are held at a time.
 * @throws ERR_FILE_MALFORMED for a ledger row that this version does not write, ERR_ABORTED, and what the source throws
 */
export async function* readGathered(
  source: ProblemSource,
  plan: SynthesisPlan,
  ledger: Ledger,
  signal: AbortSignal | undefined,
): AsyncGenerator<ReadBackRow> {
  for await (const rows of chunksOf(admit(source, signal), ROWS_AT_ONCE)) {
    const problems = rows.flatMap((row) => (row.reject === null ? [row.loaded] : []));
    const known = await readBack(problems, plan, ledger);
    let next = 0;
    for (const row of rows) {
      yield row.reject === null ? { ...row, ...(known[next++] as KnownProblem) } : row;
    }
  }
}

/** The second pass: every row of the source in order, labelled from the ledger. Errors as {@link readGathered}. */
export async function* labelledProblems(
  source: ProblemSource,
  plan: SynthesisPlan,
  ledger: Ledger,
  signal: AbortSignal | undefined,
): AsyncGenerator<LabelledProblem> {
  for await (const row of readGathered(source, plan, ledger, signal)) {
    if (row.reject !== null) {
      yield { loaded: null, traces: [], rejects: [row.reject] };
    } else {
      const { traces, rejects } = plan.conclude(row.gathered);
      yield { loaded: row.loaded, traces: row.whole ? traces : [], rejects };
    }
  }
}
