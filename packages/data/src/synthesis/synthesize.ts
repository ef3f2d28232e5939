import type { Trace } from '@vlprm/core/records';
import {
  createEvents,
  createInProcessEngine,
  type Events,
  type JobEngine,
  type Ledger,
  VlprmError,
} from '@vlprm/core/runtime';
import type { ResolvedRule } from '../consensus/index.ts';
import type { ProblemSource } from '../problems/problem-source.ts';
import { countGathered, gatherAll, startProgress, type Gathering } from './gathering.ts';
import { labelledProblems, type LabelledProblem } from './labelled-problems.ts';
import { reviewOffline } from './offline-reviewing.ts';
import { planSynthesis, type PlanRequest } from './plan.ts';
import { SummaryTally, type SynthesisSummary } from './summary.ts';

export interface SynthesisRequest extends PlanRequest {
  /** Iterated once to gather, once for each vote of an offline judge and to count after them, and to read the result. */
  readonly problems: ProblemSource;
  /** Rows of the source, for progress. Default: the length of an array, else unknown. */
  readonly total?: number;
  readonly ledger: Ledger;
  /** Progress of the stages `sample`, `estimate` and `judge`, counted in problems. */
  readonly events?: Events;
  /** Runs the problems. Default: in this process. */
  readonly engine?: JobEngine;
  readonly signal?: AbortSignal;
}

export interface SynthesisResult {
  readonly rule: ResolvedRule;
  readonly summary: SynthesisSummary;
  /**
   * ERR_BUDGET when the budget did not reach all problems, ERR_TOO_MANY_REJECTS when a larger share than `maxRejectRate`
   * of at least 50 solutions, or of all at the end, was set aside: traces and summary are those of the problems that were
   * done. Null when all were.
   */
  readonly exhausted: VlprmError | null;
  /**
   * Every row of the source in order, labelled; dropped traces stay with `consensus.kept: false`. Read from the ledger,
   * which has to be open, a few problems at a time.
   */
  labelled(): AsyncGenerator<LabelledProblem>;
}

/** Both passes over the models. Returns ERR_BUDGET when it has ended one of them, else null. */
async function askAll(gathering: Gathering): Promise<VlprmError | null> {
  const exhausted = await gatherAll(gathering);
  return (await reviewOffline(gathering)) ?? exhausted;
}

/** A run that its rejects have stopped is a partial result; any other error is thrown. */
function tooManyRejects(error: unknown): VlprmError {
  if (VlprmError.is(error) && error.code === 'ERR_TOO_MANY_REJECTS') return error;
  throw error;
}

/** Asks and counts. Returns what has stopped the run, the budget or too many rejects, else null. */
async function gatherAndCount(gathering: Gathering): Promise<VlprmError | null> {
  const stopped = await askAll(gathering).catch(tooManyRejects);
  if (gathering.plan.offline.length > 0) await countGathered(gathering, stopped !== null);
  return stopped;
}

/**
 * Problems to labelled traces: sample solutions, continue step prefixes, let judges review, label by the rule.
 *
 * Every stage of every problem is a row of the ledger, put as soon as it is done, under the hash of what it depends on;
 * after an abort or a kill the same request goes on with the rows that are missing and gives the same traces. Memory does
 * not grow with the problems, but for their ids.
 * The models see no reference answer. What cannot be used is set aside as a reject and counted: a problem without a
 * readable answer, a sample or a review that failed by type or says nothing. A model that throws ends the run, but for a
 * spent budget and too many rejects: problems that need no more are still finished, and the result is partial.
 *
 * @throws ERR_RANGE, ERR_USAGE for options, rule and judges; ERR_ABORTED; ERR_MODEL_FAILED for a model that breaks
 *   its contract; and what the models and the source throw
 */
export async function synthesize(request: SynthesisRequest): Promise<SynthesisResult> {
  const { problems: source, ledger, signal } = request;
  const plan = planSynthesis(request);
  const total = request.total ?? (Array.isArray(source) ? source.length : null);
  const tally = new SummaryTally();
  const gathering = {
    plan,
    source,
    ledger,
    engine: request.engine ?? createInProcessEngine(),
    tally,
    progress: startProgress(plan, request.events ?? createEvents(), total),
    signal,
  };
  const exhausted = await gatherAndCount(gathering).catch(tooManyRejects);
  return {
    rule: plan.rule,
    summary: tally.summary(),
    exhausted,
    labelled: () => labelledProblems(source, plan, ledger, signal),
  };
}

/** All traces of a synthesis in memory, in the order of problems and samples. */
export async function collectTraces(result: SynthesisResult): Promise<Trace[]> {
  const traces: Trace[] = [];
  for await (const problem of result.labelled()) traces.push(...problem.traces);
  return traces;
}
