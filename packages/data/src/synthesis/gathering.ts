import { addUsage, NO_USAGE } from '@vlprm/core/records';
import {
  contentHash,
  createInProcessEngine,
  startStage,
  VlprmError,
  type Events,
  type Job,
  type JobEngine,
  type Ledger,
  type StageProgress,
} from '@vlprm/core/runtime';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import type { ProblemSource } from '../problems/problem-source.ts';
import { admit } from './intake.ts';
import { readBack, readGathered } from './labelled-problems.ts';
import type { SynthesisPlan } from './plan.ts';
import { RejectGauge } from './reject-gauge.ts';
import type { Reviews, ReviewStage } from './reviewing.ts';
import type { SampledProblem } from './sampling.ts';
import { runStage, type StageName, type StageResult } from './stage.ts';
import type { SummaryTally } from './summary.ts';
import { unusableSamples, type GatheredProblem } from './trace-assembly.ts';

/** What a gathering works with and counts into. */
export interface Gathering {
  readonly plan: SynthesisPlan;
  readonly source: ProblemSource;
  readonly ledger: Ledger;
  readonly engine: JobEngine;
  readonly tally: SummaryTally;
  readonly progress: Readonly<Partial<Record<StageName, StageProgress>>>;
  readonly signal: AbortSignal | undefined;
}

/** Tells the progress of the stages that a plan has, in problems. */
export function startProgress(plan: SynthesisPlan, events: Events, total: number | null): Gathering['progress'] {
  const reviewed = plan.online.length + plan.offline.length > 0;
  return {
    sample: startStage(events, 'sample', { total }),
    ...(plan.estimation && { estimate: startStage(events, 'estimate', { total }) }),
    ...(reviewed && { judge: startStage(events, 'judge', { total }) }),
  };
}

/** Lets all judges review one problem at once, each vote on its own. A spent budget ends it once all have ended. */
async function reviewOnline(
  item: SampledProblem,
  { plan, ledger, tally }: Gathering,
  signal: AbortSignal,
): Promise<StageResult<Reviews>[]> {
  const jobs = plan.online.map((stage) => ({ key: stage.by, input: stage }));
  const work = (stage: ReviewStage, stop: AbortSignal) => runStage(stage, item, ledger, stop);
  const reviewed = new Map<string, StageResult<Reviews>>();
  const engine = createInProcessEngine();
  let exhausted: VlprmError | null = null;
  for await (const result of engine.run(jobs, work, { concurrency: Math.max(1, jobs.length), signal })) {
    if (result.ok) {
      tally.addStage('judge', result.output);
      reviewed.set(result.key, result.output);
    } else if (isBudgetError(result.error)) {
      exhausted ??= result.error;
    } else {
      throw result.error;
    }
  }
  if (exhausted !== null) throw exhausted;
  return plan.online.map(({ by }) => reviewed.get(by) as StageResult<Reviews>);
}

/** Takes one problem through all stages that see it alone. */
async function gatherProblem(
  loaded: LoadedProblem,
  gathering: Gathering,
  signal: AbortSignal,
): Promise<GatheredProblem> {
  const { plan, ledger, tally, progress } = gathering;
  const sampled = await runStage(plan.sampling, loaded, ledger, signal);
  tally.addStage('sample', sampled);
  progress.sample?.advance(1, sampled);
  const item = { loaded, samples: sampled.value };
  const estimated = plan.estimation && (await runStage(plan.estimation, item, ledger, signal));
  if (estimated !== null) tally.addStage('estimate', estimated);
  progress.estimate?.advance(1, estimated ?? {});
  const reviewed = await reviewOnline(item, gathering, signal);
  if (plan.offline.length === 0) progress.judge?.advance(1, { reused: reviewed.every(({ reused }) => reused) });
  const results = [sampled, ...(estimated === null ? [] : [estimated]), ...reviewed];
  return {
    ...item,
    estimate: estimated?.value ?? null,
    reviews: plan.online.map(({ by }, i) => ({ by, reviews: reviewed[i]?.value ?? [] })),
    usage: results.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
  };
}

/** Whether the budget is what ended a piece of work. */
export function isBudgetError(error: unknown): error is VlprmError {
  return VlprmError.is(error) && error.code === 'ERR_BUDGET';
}

/** The problems of the source as jobs; what is set aside is counted on the way. */
async function* admittedJobs(
  { plan, source, tally, progress, signal }: Gathering,
  gauge: RejectGauge,
): AsyncGenerator<Job<LoadedProblem>> {
  const { tracesPerProblem } = plan.options;
  for await (const row of admit(source, signal)) {
    if (row.reject === null) {
      yield { key: contentHash(row.loaded.problem.id), input: row.loaded };
      continue;
    }
    tally.addSetAside(row.reject);
    for (const stage of Object.values(progress)) stage.advance(1, { reused: true });
    gauge.add(tracesPerProblem, tracesPerProblem, [row.reject]);
    gauge.check(false);
  }
}

/**
 * The first pass: every problem is sampled, estimated and reviewed, in any order, and each stage is in the ledger as soon
 * as it is done. Nothing of a problem is held once it has ended.
 * With offline judges no problem is whole after it: {@link countGathered} counts them once these have reviewed.
 * @returns ERR_BUDGET when the budget did not reach all problems, else null
 * @throws ERR_TOO_MANY_REJECTS, ERR_ABORTED, and what the source or a model throws
 */
export async function gatherAll(gathering: Gathering): Promise<VlprmError | null> {
  const { plan, engine, ledger, tally, signal } = gathering;
  const { tracesPerProblem, maxRejectRate, concurrency } = plan.options;
  const whole = plan.offline.length === 0;
  const gauge = new RejectGauge(maxRejectRate);
  const leaveUnfinished = async (loaded: LoadedProblem): Promise<void> => {
    for (const { gathered } of await readBack([loaded], plan, ledger)) {
      tally.addUnfinished(plan.conclude(gathered).rejects);
    }
  };
  const work = async (loaded: LoadedProblem, stop: AbortSignal): Promise<void> => {
    const gathered = await gatherProblem(loaded, gathering, stop).catch(async (error: unknown) => {
      if (whole) await leaveUnfinished(loaded);
      throw error;
    });
    const outcome = plan.conclude(gathered);
    if (whole) tally.addDone(gathered, outcome);
    // An offline judge may still review what those before it could not.
    const unusable = unusableSamples(whole ? gathered : { ...gathered, reviews: [] });
    gauge.add(tracesPerProblem, unusable, outcome.rejects);
  };
  let exhausted: VlprmError | null = null;
  const limits = { concurrency, ...(signal && { signal }) };
  for await (const result of engine.run(admittedJobs(gathering, gauge), work, limits)) {
    if (!result.ok) {
      if (!isBudgetError(result.error)) throw result.error;
      exhausted ??= result.error;
    }
    gauge.check(false);
  }
  if (exhausted === null) gauge.check(true);
  return exhausted;
}

/**
 * Counts what the ledger holds of the problems, after the pass of the offline judges or where the run has stopped before.
 * @throws ERR_TOO_MANY_REJECTS unless the run has stopped already; ERR_ABORTED
 */
export async function countGathered(gathering: Gathering, stopped: boolean): Promise<void> {
  const { plan, source, ledger, tally, signal } = gathering;
  const { tracesPerProblem, maxRejectRate } = plan.options;
  const gauge = new RejectGauge(maxRejectRate);
  for await (const row of readGathered(source, plan, ledger, signal)) {
    if (row.reject !== null) {
      gauge.add(tracesPerProblem, tracesPerProblem, [row.reject]);
      continue;
    }
    const outcome = plan.conclude(row.gathered);
    if (row.whole) {
      tally.addDone(row.gathered, outcome);
      gauge.add(tracesPerProblem, unusableSamples(row.gathered), outcome.rejects);
    } else {
      tally.addUnfinished(outcome.rejects);
    }
  }
  if (!stopped) gauge.check(true);
}
