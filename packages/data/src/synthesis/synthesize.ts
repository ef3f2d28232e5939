import type { AnswerChecker, Judge, Policy } from '@vlprm/core/models';
import type { Trace, Usage } from '@vlprm/core/records';
import { addUsage, NO_USAGE } from '@vlprm/core/records';
import {
  contentHash,
  createEvents,
  createInProcessEngine,
  startStage,
  VlprmError,
  type Events,
  type Job,
  type JobEngine,
  type Ledger,
} from '@vlprm/core/runtime';
import { canonicalAnswer } from '@vlprm/core/text';
import { relabel, resolveRule, type ResolvedRule } from '../consensus/index.ts';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import { estimationStage } from './estimation.ts';
import { resolveSynthesisOptions, type SynthesisOptions } from './options.ts';
import { reviewingStage } from './reviewing.ts';
import { isTrace, samplingStage } from './sampling.ts';
import { runStage, STAGES, type StageName, type StageResult } from './stage.ts';
import { assembleTraces, type GatheredProblem } from './trace-assembly.ts';

export interface SynthesisRequest {
  readonly problems: readonly LoadedProblem[];
  readonly policy: Policy;
  /** Null leaves the review out; rules that need a judge then drop every trace. */
  readonly judge: Judge | null;
  readonly checker: AnswerChecker;
  readonly ledger: Ledger;
  readonly options?: SynthesisOptions;
  /** Label rule and threshold as {@link relabel} takes them. Default hybrid. */
  readonly rule?: string;
  readonly threshold?: number;
  /** Progress of the stages `sample`, `estimate` and `judge`, counted in problems. */
  readonly events?: Events;
  /** Runs the batches. Default: in this process. */
  readonly engine?: JobEngine;
  readonly signal?: AbortSignal;
}

export interface SynthesisSummary {
  readonly problems: number;
  readonly traces: number;
  readonly kept: number;
  /** Traces by the rule's reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Samples that failed as calls, and samples in which no step could be read; neither is a trace. */
  readonly samples: { readonly failed: number; readonly unreadable: number };
  /** Continuations asked for, and those of them that did not come back. */
  readonly rollouts: { readonly total: number; readonly failed: number; readonly unparsable: number };
  readonly reviewsFailed: number;
  /** What each stage has cost, earlier runs of the same ledger included. */
  readonly usage: Readonly<Record<StageName, Usage>>;
  /** Ledger rows that were there already, by stage. */
  readonly reused: Readonly<Record<StageName, number>>;
  /** Problems that the budget did not reach; the same request goes on with them. */
  readonly unfinished: number;
}

export interface SynthesisResult {
  /** Labelled traces, in the order of problems and samples; dropped ones stay with `consensus.kept: false`. */
  readonly traces: Trace[];
  readonly rule: ResolvedRule;
  readonly summary: SynthesisSummary;
  /** ERR_BUDGET when the budget did not reach all problems: traces and summary are those of the others. */
  readonly exhausted: VlprmError | null;
}

/** @throws ERR_DATASET_INVALID for a problem without a readable reference answer, or one that is there twice */
function requireProblems(problems: readonly LoadedProblem[]): void {
  const seen = new Set<string>();
  for (const { problem } of problems) {
    const where = `problem ${problem.id}`;
    if (canonicalAnswer(problem.answer, problem.options) === null) {
      throw new VlprmError('ERR_DATASET_INVALID', 'a problem without a readable reference answer cannot be labelled', {
        where,
        fix: 'give it an answer, or leave it out',
      });
    }
    if (seen.has(problem.id)) {
      throw new VlprmError('ERR_DATASET_INVALID', 'the same problem is given twice', {
        where,
        fix: 'remove the duplicate',
      });
    }
    seen.add(problem.id);
  }
}

interface Gathered {
  readonly problem: GatheredProblem;
  readonly stages: Partial<Record<StageName, StageResult<unknown>>>;
}

function sumOver<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

function byStage<T>(value: (stage: StageName) => T): Record<StageName, T> {
  return Object.fromEntries(STAGES.map((stage) => [stage, value(stage)])) as Record<StageName, T>;
}

/** Consecutive batches of problems, the last one shorter. */
function batchJobs(problems: readonly LoadedProblem[], size: number): Job<readonly LoadedProblem[]>[] {
  const jobs: Job<readonly LoadedProblem[]>[] = [];
  for (let begin = 0; begin < problems.length; begin += size) {
    const input = problems.slice(begin, begin + size);
    jobs.push({ key: contentHash(input.map(({ problem }) => problem.id)), input });
  }
  return jobs;
}

function countReasons(traces: readonly Trace[]): Record<string, number> {
  const reasons: Record<string, number> = {};
  for (const { consensus } of traces) {
    if (consensus !== null) reasons[consensus.reason] = (reasons[consensus.reason] ?? 0) + 1;
  }
  return reasons;
}

function summarize(gathered: readonly Gathered[], traces: readonly Trace[], unfinished: number): SynthesisSummary {
  const samples = gathered.flatMap(({ problem }) => problem.samples);
  const estimates = gathered.flatMap(({ problem }) => problem.estimate ?? []);
  return {
    problems: gathered.length,
    traces: traces.length,
    kept: traces.filter((trace) => trace.consensus?.kept === true).length,
    reasons: countReasons(traces),
    samples: {
      failed: samples.filter((sample) => !sample.ok).length,
      unreadable: samples.filter((sample) => sample.ok && !isTrace(sample)).length,
    },
    rollouts: {
      total: sumOver(estimates, (estimate) => estimate.rollouts),
      failed: sumOver(estimates, (estimate) => estimate.failed),
      unparsable: sumOver(estimates, (estimate) => estimate.unparsable),
    },
    reviewsFailed: sumOver(
      gathered,
      ({ problem }) => problem.reviews?.filter((review) => review?.ok === false).length ?? 0,
    ),
    usage: byStage((stage) =>
      gathered.map(({ stages }) => stages[stage]?.usage ?? NO_USAGE).reduce(addUsage, NO_USAGE),
    ),
    reused: byStage((stage) => gathered.filter(({ stages }) => stages[stage]?.reused === true).length),
    unfinished,
  };
}

/**
 * Problems to labelled traces: sample solutions, continue every step prefix, let the judge review, label by the rule.
 *
 * Every stage of every problem is kept in the ledger under the hash of what it depends on, a batch in one transaction;
 * after an abort or a kill the same request goes on with the batches that are missing and gives the same traces.
 * The models see no reference answer. A call that fails by type becomes a count; a model that throws ends the run, but
 * for a spent budget: batches that need no more of it are still finished, and the result is partial.
 *
 * @throws ERR_RANGE, ERR_USAGE for options and rule; ERR_DATASET_INVALID for the problems; ERR_ABORTED;
 *   ERR_MODEL_FAILED and ERR_STEP_COUNT for a model that breaks its contract; and what the models throw
 */
export async function synthesize(request: SynthesisRequest): Promise<SynthesisResult> {
  const { problems, policy, judge, checker, ledger, signal } = request;
  const options = resolveSynthesisOptions(request.options ?? {});
  const rule = resolveRule(request.rule ?? 'hybrid', request.threshold);
  requireProblems(problems);
  const sampling = samplingStage(policy, options);
  const estimation = options.rolloutsPerStep === 0 ? null : estimationStage(policy, checker, options);
  const reviewing = judge === null ? null : reviewingStage(judge, options);

  const events = request.events ?? createEvents();
  const total = problems.length;
  const progress = {
    sample: startStage(events, sampling.name, { total }),
    estimate: estimation && startStage(events, estimation.name, { total }),
    judge: reviewing && startStage(events, reviewing.name, { total }),
  };

  const gatherBatch = async (batch: readonly LoadedProblem[], stop: AbortSignal): Promise<Gathered[]> => {
    const sampled = await runStage(sampling, batch, ledger, stop);
    progress.sample.advance(batch.length);
    const items = batch.map((loaded, i) => ({ loaded, samples: sampled[i]?.value ?? [] }));
    const estimated = estimation && (await runStage(estimation, items, ledger, stop));
    progress.estimate?.advance(batch.length);
    const reviewed = reviewing && (await runStage(reviewing, items, ledger, stop));
    progress.judge?.advance(batch.length);
    return items.map(({ loaded, samples }, i) => {
      const stages = {
        ...(sampled[i] && { sample: sampled[i] }),
        ...(estimated?.[i] && { estimate: estimated[i] }),
        ...(reviewed?.[i] && { judge: reviewed[i] }),
      };
      const usage = Object.values(stages).map((stage) => stage.usage);
      const estimate = estimated?.[i]?.value ?? null;
      return { stages, problem: { loaded, samples, estimate, reviews: reviewed?.[i]?.value ?? null, usage } };
    });
  };

  const jobs = batchJobs(problems, options.batchSize);
  const batches = new Map<string, Gathered[]>();
  let exhausted: VlprmError | null = null;
  const engine = request.engine ?? createInProcessEngine();
  const limits = { concurrency: options.concurrency, ...(signal && { signal }) };
  for await (const result of engine.run(jobs, gatherBatch, limits)) {
    if (result.ok) batches.set(result.key, result.output);
    else if (VlprmError.is(result.error) && result.error.code === 'ERR_BUDGET') exhausted ??= result.error;
    else throw result.error;
  }
  const gathered = jobs.flatMap(({ key }) => batches.get(key) ?? []);
  const names = { policy: policy.name, judge: judge?.name ?? null };
  const unlabelled = gathered.flatMap(({ problem }) => assembleTraces(problem, names, checker, options));
  const traces = relabel(unlabelled, rule.name, { threshold: rule.threshold });
  return { traces, rule, summary: summarize(gathered, traces, total - gathered.length), exhausted };
}
