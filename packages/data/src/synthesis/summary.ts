import { addUsage, NO_USAGE, type Reject, type Trace, type Usage } from '@vlprm/core/records';
import { isUnparsable } from './failure.ts';
import type { ProblemOutcome } from './plan.ts';
import { isTrace } from './sampling.ts';
import { STAGES, type StageName, type StageResult } from './stage.ts';
import type { GatheredProblem } from './trace-assembly.ts';

export interface SynthesisSummary {
  readonly problems: {
    /** All of their stages are in the ledger. */
    readonly done: number;
    /** Set aside before any call. */
    readonly setAside: number;
    /** Left where the budget or too many rejects stopped the run; the same request goes on with them. */
    readonly unfinished: number;
  };
  readonly traces: number;
  readonly kept: number;
  /** Traces by the rule's reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Samples that failed as calls, and samples in which no step could be read; neither is a trace. */
  readonly samples: { readonly failed: number; readonly unreadable: number };
  /** Continuations asked for, and those of them that did not come back, or whose answer could not be read. */
  readonly rollouts: { readonly total: number; readonly failed: number; readonly unparsable: number };
  /**
   * Reviews asked for, of every judge and vote; those that did not come back; those whose answer could not be used; and
   * answers that could not be read and were asked for again with success.
   */
  readonly reviews: {
    readonly total: number;
    readonly failed: number;
    readonly unparsable: number;
    readonly reread: number;
  };
  /** What was set aside, by error code; of unfinished problems, what was by then. */
  readonly rejects: Readonly<Record<string, number>>;
  /** What each stage has cost, earlier runs of the same ledger included. */
  readonly usage: Readonly<Record<StageName, Usage>>;
  /** Ledger rows that were there already, by stage: one a problem, of the judges one for each judge and vote. */
  readonly reused: Readonly<Record<StageName, number>>;
}

function byStage<T>(value: T): Record<StageName, T> {
  return Object.fromEntries(STAGES.map((stage) => [stage, value])) as Record<StageName, T>;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Counts as a record whose order does not depend on what ended first. */
function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Counts problems as they end. */
export class SummaryTally {
  readonly #problems = { done: 0, setAside: 0, unfinished: 0 };
  readonly #traces = { all: 0, kept: 0 };
  readonly #reasons = new Map<string, number>();
  readonly #samples = { failed: 0, unreadable: 0 };
  readonly #rollouts = { total: 0, failed: 0, unparsable: 0 };
  readonly #reviews = { total: 0, failed: 0, unparsable: 0, reread: 0 };
  readonly #rejects = new Map<string, number>();
  readonly #usage = byStage(NO_USAGE);
  readonly #reused = byStage(0);

  addStage(stage: StageName, { usage, reused }: StageResult<unknown>): void {
    this.#usage[stage] = addUsage(this.#usage[stage], usage);
    if (reused) this.#reused[stage] += 1;
  }

  addSetAside(reject: Reject): void {
    this.#problems.setAside += 1;
    increment(this.#rejects, reject.code);
  }

  addUnfinished(rejects: readonly Reject[]): void {
    this.#problems.unfinished += 1;
    for (const { code } of rejects) increment(this.#rejects, code);
  }

  addDone(gathered: GatheredProblem, { traces, rejects }: ProblemOutcome): void {
    this.#problems.done += 1;
    for (const { code } of rejects) increment(this.#rejects, code);
    this.#addTraces(traces);
    this.#addEvidence(gathered);
  }

  #addTraces(traces: readonly Trace[]): void {
    for (const { consensus } of traces) {
      this.#traces.all += 1;
      if (consensus === null) continue;
      if (consensus.kept) this.#traces.kept += 1;
      increment(this.#reasons, consensus.reason);
    }
  }

  #addEvidence({ samples, estimate, reviews }: GatheredProblem): void {
    for (const sample of samples) {
      if (!sample.ok) this.#samples.failed += 1;
      else if (!isTrace(sample)) this.#samples.unreadable += 1;
    }
    this.#rollouts.total += estimate?.rollouts ?? 0;
    this.#rollouts.failed += estimate?.failed ?? 0;
    this.#rollouts.unparsable += estimate?.unparsable ?? 0;
    for (const review of reviews.flatMap((list) => list.reviews)) {
      if (review === null) continue;
      this.#reviews.total += 1;
      if (review.ok) this.#reviews.reread += review.unreadable ?? 0;
      else this.#reviews[isUnparsable(review) ? 'unparsable' : 'failed'] += 1;
    }
  }

  summary(): SynthesisSummary {
    return {
      problems: { ...this.#problems },
      traces: this.#traces.all,
      kept: this.#traces.kept,
      reasons: sorted(this.#reasons),
      samples: { ...this.#samples },
      rollouts: { ...this.#rollouts },
      reviews: { ...this.#reviews },
      rejects: sorted(this.#rejects),
      usage: { ...this.#usage },
      reused: { ...this.#reused },
    };
  }
}
