import { addUsage, NO_USAGE } from '@vlprm/core/records';
import {
  contentHash,
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
import type { SynthesisPlan } from './plan.ts';
import { RejectGauge } from './reject-gauge.ts';
import { runStage, type StageName } from './stage.ts';
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

/** Takes one problem through all stages that see it alone. */
async function gatherProblem(
  loaded: LoadedProblem,
  { plan, ledger, tally, progress }: Gathering,
  signal: AbortSignal,
): Promise<GatheredProblem> {
  const sampled = await runStage(plan.sampling, loaded, ledger, signal);
  tally.addStage('sample', [sampled]);
  progress.sample?.advance();
  const item = { loaded, samples: sampled.value };
  const estimated = plan.estimation && (await runStage(plan.estimation, item, ledger, signal));
  if (estimated !== null) tally.addStage('estimate', [estimated]);
  progress.estimate?.advance();
  const reviewed = await Promise.all(plan.online.map((stage) => runStage(stage, item, ledger, signal)));
  if (reviewed.length > 0) tally.addStage('judge', reviewed);
  if (plan.offline.length === 0) progress.judge?.advance();
  const results = [sampled, ...(estimated === null ? [] : [estimated]), ...reviewed];
  return {
    ...item,
    estimate: estimated?.value ?? null,
    reviews: plan.online.map(({ by }, i) => ({ by, reviews: reviewed[i]?.value ?? [] })),
    usage: results.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
  };
}

/** Whether a job ended for want of budget; throws any other error. */
export function requireBudgetError(error: unknown): VlprmError {
  if (VlprmError.is(error) && error.code === 'ERR_BUDGET') return error;
  throw error;
}

/**
 * The first pass: every problem is sampled, estimated and reviewed, in any order, and each stage is in the ledger as soon
 * as it is done. Nothing of a problem is held once it has ended.
 * @returns ERR_BUDGET when the budget did not reach all problems, else null
 * @throws ERR_TOO_MANY_REJECTS, ERR_ABORTED, and what the source or a model throws
 */
export async function gatherAll(gathering: Gathering): Promise<VlprmError | null> {
  const { plan, source, engine, tally, progress, signal } = gathering;
  const { tracesPerProblem, maxRejectRate, concurrency } = plan.options;
  const gauge = new RejectGauge(maxRejectRate);

  async function* jobs(): AsyncGenerator<Job<LoadedProblem>> {
    for await (const row of admit(source, signal)) {
      if (row.reject === null) {
        yield { key: contentHash(row.loaded.problem.id), input: row.loaded };
        continue;
      }
      tally.addSetAside(row.reject);
      for (const stage of Object.values(progress)) stage.advance();
      gauge.add(tracesPerProblem, tracesPerProblem, [row.reject]);
      gauge.check(false);
    }
  }

  const work = async (loaded: LoadedProblem, stop: AbortSignal): Promise<void> => {
    const gathered = await gatherProblem(loaded, gathering, stop);
    const outcome = plan.conclude(gathered);
    // What offline judges say is not known yet: solutions count as reviewed, and the problem is counted once it is whole.
    if (plan.offline.length === 0) tally.addDone(gathered, outcome);
    const known = plan.offline.length === 0 ? gathered : { ...gathered, reviews: [] };
    gauge.add(tracesPerProblem, unusableSamples(known), outcome.rejects);
  };

  let exhausted: VlprmError | null = null;
  for await (const result of engine.run(jobs(), work, { concurrency, ...(signal && { signal }) })) {
    if (!result.ok) {
      exhausted ??= requireBudgetError(result.error);
      tally.addUnfinished();
    }
    gauge.check(false);
  }
  if (exhausted === null) gauge.check(true);
  return exhausted;
}
